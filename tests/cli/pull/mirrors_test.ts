import assert from "node:assert/strict";
import { startRegistry } from "../../fakes/registry.ts";
import { makeModel } from "../../fakes/model.ts";
import { fakeHost } from "../fake_host.ts";
import { idOf, place, SIZE } from "../outdated/place.ts";

async function beside() {
  await using stack = new AsyncDisposableStack();
  const at = stack.use(await place());
  const mirror = stack.use(await startRegistry());
  const model = await at.install("library/tiny:latest", 1);
  const repository = `${at.registry.host.replace(":", "_")}/library/tiny:latest`;
  const owned = stack.move();
  return {
    ...at,
    mirror,
    model,
    /** What the mirror has. */
    mirrored: (seed: number) => mirror.add(repository, makeModel({ size: SIZE, seed })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("a mirror that is none is a usage error that names flag or variable, and no password", async () => {
  await using at = await place();
  const { host } = at.registry;
  const cases = [
    ["ftp://h", "expected http:// or https://"],
    ["h:5000", "expected a URL that begins with http:// or https://"],
    ["http://u:s3cret@h", "it contains credentials; they are read from Docker's config file"],
  ] as const;
  for (const [value, reason] of cases) {
    const flag = await at.ran([`${host}/library/tiny`, "--mirror", value]);
    const env = { HOME: "/h", PULLAMA_MIRRORS: value };
    const variable = await at.ran([`${host}/library/tiny`], fakeHost({ env }));
    for (
      const [{ code, err }, name] of [[flag, "--mirror"], [variable, "PULLAMA_MIRRORS"]] as const
    ) {
      assert.equal(code, 1);
      assert.ok(err.startsWith(`invalid ${name}`) && err.includes(reason), err);
      assert.ok(!err.includes("s3cret"), err);
    }
  }
  const { code, err } = await at.ran([`${host}/library/tiny`, "--offline"]);
  assert.deepEqual([code, err.split("\n")[0]], [1, "--offline needs a mirror to ask"]);
  assert.deepEqual(at.registry.requests, []);
});

Deno.test("offline, outdated and update go by the mirror, and update replaces only with --force", async () => {
  await using at = await beside();
  const asked = at.registry.requests.length;
  const other = at.mirrored(2);
  const offline = ["--offline", "--mirror", at.mirror.url];
  const { out, err } = await at.ran(["outdated", ...offline]);
  assert.ok(out.includes(idOf(other)), out);
  assert.match(err, /is the word of http:/);
  const refused = await at.ran(["update", "--all", ...offline]);
  assert.equal(refused.code, 1);
  assert.ok(
    refused.err.includes(other.digest) && refused.err.includes(at.model.digest),
    refused.err,
  );
  assert.match(refused.err, /^hint: add --force/m);
  const forced = await at.ran(["update", "--all", "--force", ...offline]);
  assert.equal(forced.code, 0, forced.err);
  assert.ok((await at.ran(["list"])).out.includes(idOf(other)));
  assert.equal(at.registry.requests.length, asked);
});

Deno.test("offline, what is installed needs no mirror that responds, and stays", async () => {
  await using at = await beside();
  const asked = at.registry.requests.length;
  await at.mirror.close();
  const offline = ["--offline", "--mirror", at.mirror.url];
  const { code, out, err } = await at.ran(["pull", at.model.name, ...offline]);
  assert.equal(code, 0, err);
  assert.ok(out.includes(idOf(at.model)), out);
  const pinned = await at.ran(["pull", `${at.model.name}@${at.model.digest}`, ...offline]);
  assert.deepEqual([pinned.code, pinned.err], [0, ""]);
  assert.equal(at.registry.requests.length, asked);
});

Deno.test("verify --repair and queue start take blobs from a mirror", async () => {
  await using at = await beside();
  at.mirrored(1);
  const { digest } = at.model.layers[0]!;
  const path = `${at.models}/blobs/${digest.replace(":", "-")}`;
  await Deno.remove(path);
  const mirror = ["--insecure", "--mirror", at.mirror.url];
  const before = at.registry.served(digest);
  const { code, err } = await at.ran(["verify", "--repair", ...mirror]);
  assert.equal(code, 0, err);
  // On a busy computer a range may be requested again that was on its way.
  const { size } = Deno.statSync(path);
  const twice = at.mirror.served(digest) - size;
  assert.ok(twice >= 0 && twice < 1 << 20, `${twice} bytes came twice`);

  await Deno.remove(path);
  await at.ran(["queue", "add", at.model.name]);
  const queue = await at.ran(["queue", "start", "--offline", "--mirror", at.mirror.url]);
  assert.equal(queue.code, 0, queue.err);
  const again = at.mirror.served(digest) - twice - 2 * size;
  assert.ok(again >= 0 && again < 1 << 20, `${again} bytes came twice`);
  assert.equal(at.registry.served(digest), before);
});
