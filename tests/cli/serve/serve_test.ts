import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { makeModel } from "../../fakes/model.ts";
import { place } from "../../serve/place.ts";
import { install } from "../../store/installed_models.ts";
import { type FakeHost, fakeHost, ran } from "../fake_host.ts";

/** Runs `pullama serve` until `using` has ended, which gets its URL. Returns exit code and output. */
async function served(
  args: readonly string[],
  use: (url: string, host: FakeHost) => Promise<void>,
  host: FakeHost = fakeHost(),
) {
  const ended = run(["serve", "--listen", "127.0.0.1:0", ...args], host, wire);
  const failed = ended.then(() => assert.fail(host.err.text));
  let url: string | undefined;
  while (!(url = /http:\/\/127\.[\d.:]+/.exec(host.out.text)?.[0])) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 10)), failed]);
  }
  failed.catch(() => {});
  await use(url, host);
  host.interrupt();
  return { code: await ended, out: host.out.text, err: host.err.text, lines: host.out.lines };
}

async function get(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

Deno.test("serve says where it is reached, what it has, and how others use it", async () => {
  await using at = await place();
  install(at.models, "registry.ollama.ai/me/mine/latest", makeModel({ size: 500, seed: 4 }));
  let at_ = "";
  const { code, out, err } = await served(["--models-dir", at.models], async (url) => {
    at_ = url;
    assert.equal(await get(`${url}/v2/`), 200);
  });
  assert.deepEqual([code, err], [0, ""]);
  assert.ok(out.includes(`serving ${at.models} at ${at_}\n1 model: tiny:latest\n`), out);
  assert.match(out, /^maybe not public, and not served without --share: me\/mine:latest$/m);
  assert.match(out, /^only this machine can reach it; for others: --listen 0\.0\.0\.0$/m);
  assert.doesNotMatch(out, /on another machine/);
  assert.match(out, /^stopped: 1 request, 3 B sent$/m);
});

Deno.test("serve with another address says who can reach it", async () => {
  await using at = await place();
  const host = fakeHost();
  const ended = run(["serve", "--models-dir", at.models, "--listen", "0.0.0.0:0"], host, wire);
  while (!host.out.text.includes("on another machine")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  host.interrupt();
  assert.equal(await ended, 0);
  assert.match(host.out.text, /^everyone who can reach this address can download these models/m);
  assert.match(
    host.out.text,
    /^on another machine: pullama pull tiny:latest --mirror http:\/\/.*:\d+$/m,
  );
});

Deno.test("serve --verbose prints one line for each request, without control characters", async () => {
  await using at = await place();
  const flags = ["--models-dir", at.models, "--verbose"];
  const { out } = await served(flags, async (url) => {
    assert.equal(await get(`${url}/v2/library/tiny/manifests/latest`), 200);
    assert.equal(await get(`${url}/v2/%1b[31mred/x/manifests/y`), 404);
  });
  assert.match(out, /^127\.0\.0\.1 GET \/v2\/library\/tiny\/manifests\/latest 200 \d+ B \d+ ms$/m);
  assert.match(out, /^127\.0\.0\.1 GET \/v2\/%1b.*404/m);
});

Deno.test("serve --output json prints events that match the schema", async () => {
  await using at = await place();
  const flags = ["--models-dir", at.models, "--output", "json"];
  const { lines } = await served(flags, async (url) => {
    assert.equal(await get(`${url}/v2/library/tiny/blobs/${at.weights.digest}`), 200);
    assert.equal(await get(`${url}/v2/library/nosuch/manifests/latest`), 404);
  });
  const events = lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  const validate = new Ajv2020({ validateFormats: false }).compile(schema);
  for (const event of events) assert.ok(validate(event), JSON.stringify(validate.errors));
  assert.deepEqual(events.map(({ event }) => event), [
    "serve_start",
    "served",
    "served",
    "serve_stop",
  ]);
  assert.deepEqual(events[0].Models, ["tiny:latest"]);
  // On two connections the first answer may be noted last.
  assert.deepEqual([events[1].Status, events[2].Status].sort(), [200, 404]);
  assert.equal(events[3].Requests, 2);
});

Deno.test("serve of an empty folder says so, and warns of a model of --share that is not there", async () => {
  await using at = await place();
  const empty = `${at.root}/empty`;
  Deno.mkdirSync(empty);
  const flags = ["--models-dir", empty, "--share", "me/mine"];
  const { code, out, err } = await served(flags, () => Promise.resolve());
  assert.equal(code, 0);
  assert.match(out, /^no complete model yet: what is pulled from now on is served too$/m);
  assert.match(err, /^warning: me\/mine:latest of --share is not installed$/m);
});

Deno.test("serve --quiet prints only what it has done", async () => {
  await using at = await place();
  const host = fakeHost();
  const ended = run(
    ["serve", "--models-dir", at.models, "--listen", "127.0.0.1:0", "--quiet"],
    host,
    wire,
  );
  host.interrupt();
  assert.equal(await ended, 0);
  assert.equal(host.out.text, "stopped: 0 requests, 0 B sent\n");
});

Deno.test("what cannot be served is said in one sentence", async () => {
  await using at = await place();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [
      ["--listen", `127.0.0.1:${port}`],
      /^cannot listen at 127\.[\d.:]+: another program uses the port$/m,
    ],
    [
      ["--listen", "192.0.2.1:0"],
      /^cannot listen at 192\.0\.2\.1:0: it is no address of this machine$/m,
    ],
    [["--listen", "127.0.0.1:x"], /"127\.0\.0\.1:x" is no address to listen at/],
    [["--listen", "127.0.0.1:70000"], /is no address to listen at; write address:port/],
    [["--listen", "http://127.0.0.1"], /is no address to listen at/],
    [["--host", "models.lan:8080"], /Expected a host without a port, such as models\.lan/],
    [["--host", "[::1]:80"], /Expected a host without a port/],
    [["--share", "a b"], /invalid model name "a b"/],
    [["--max-clients", "0"], /Expected a whole number from 1 to 1000/],
    [
      ["--models-dir", `${at.root}/nowhere`],
      /^cannot serve .*nowhere: there is no such directory$/m,
    ],
    [["--models-dir", at.weights.path], /^cannot serve .*: there is no such directory$/m],
  ];
  for (const [args, says] of cases) {
    const { code, err } = await ran(["serve", "--models-dir", at.models, ...args]);
    assert.equal(code, 1, err);
    assert.match(err, says);
  }
});

Deno.test("a signal ends what is being sent within seconds", async () => {
  await using at = await place(64 << 20);
  const flags = ["--models-dir", at.models, "--limit-rate", "1M"];
  let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const { code } = await served(flags, async (url) => {
    const response = await fetch(`${url}/v2/library/tiny/blobs/${at.weights.digest}`);
    body = response.body!.getReader();
    await body.read();
  });
  assert.equal(code, 0);
  await assert.rejects(async () => {
    while (!(await body!.read()).done);
  });
});
