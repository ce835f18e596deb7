import assert from "node:assert/strict";
import { testWith } from "../../needs.ts";
import { createHash } from "node:crypto";
import { linkTo } from "../../fakes/link.ts";
import { makeModel } from "../../fakes/model.ts";
import { openFolder } from "../../../src/store/store.ts";
import { largestOf, place, type Served, serving } from "../../serve/place.ts";
import { install } from "../installed_models.ts";

async function statusOf(server: Served, path: string): Promise<number> {
  const response = await fetch(`${server.url}/v2/library/tiny/${path}`);
  await response.body?.cancel();
  return response.status;
}

/** How many bytes of a blob arrive, and whether the answer ends as it says. */
async function received(server: Served, digest: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`, { headers });
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const piece of response.body!) {
      bytes += piece.length;
      hash.update(piece);
    }
  } catch {
    return { status: response.status, bytes, whole: false, digest: "" };
  }
  return { status: response.status, bytes, whole: true, digest: `sha256:${hash.digest("hex")}` };
}

Deno.test("a model of which a blob is missing, or has another size, is not served", async () => {
  await using at = await place();
  const { digest, path } = at.weights;
  Deno.truncateSync(path, 1000);
  await using server = await serving(at.models);
  assert.deepEqual(server.start.offer.served, []);
  assert.deepEqual(server.start.offer.incomplete, ["tiny:latest"]);
  assert.equal(await statusOf(server, "manifests/latest"), 404);
  assert.equal(await statusOf(server, `blobs/${digest}`), 404);
});

Deno.test("blobs that no served model uses are not given away, and neither are unfinished ones", async () => {
  await using at = await place();
  const loose = install(at.models, "loose/latest", makeModel({ size: 5000, seed: 7 }));
  const half = install(at.models, "half/latest", makeModel({ size: 5000, seed: 8 }));
  const { digest } = largestOf(loose);
  const unfinished = largestOf(half);
  Deno.removeSync(loose.path);
  Deno.mkdirSync(`${at.models}/.pullm/bad`, { recursive: true });
  const file = unfinished.path.slice(unfinished.path.lastIndexOf("/"));
  Deno.copyFileSync(unfinished.path, `${at.models}/.pullm/bad/${file}`);
  Deno.renameSync(unfinished.path, `${at.models}/.pullm/${file}.partial`);
  await using server = await serving(at.models);
  assert.equal(await statusOf(server, `blobs/${digest}`), 404);
  assert.equal(await statusOf(server, `blobs/${unfinished.digest}`), 404);
  assert.deepEqual(server.start.offer.incomplete, ["half:latest"]);
});

Deno.test("models of other namespaces and registries are served only when named", async () => {
  await using at = await place();
  install(at.models, "registry.ollama.ai/me/private/latest", makeModel({ size: 5000, seed: 7 }));
  const status = async (server: Served) => {
    const response = await fetch(`${server.url}/v2/me/private/manifests/latest`);
    await response.body?.cancel();
    return response.status;
  };
  {
    await using server = await serving(at.models);
    assert.deepEqual(server.start.offer.withheld, ["me/private:latest"]);
    assert.equal(await status(server), 404);
  }
  await using server = await serving(at.models, { share: ["me/private"] });
  assert.deepEqual(server.start.offer.withheld, []);
  assert.equal(await status(server), 200);
});

Deno.test("a blob of Ollama's whose content is wrong is never sent as a whole, and then not at all", async () => {
  await using at = await place(3 << 20);
  const { digest, path, size } = at.weights;
  const { mtime } = Deno.statSync(path);
  {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array([1, 2, 3]));
  }
  Deno.utimeSync(path, mtime!, mtime!);
  await using server = await serving(at.models);
  const first = await received(server, digest);
  assert.equal(first.whole, false);
  assert.ok(first.bytes < size);
  assert.equal((await received(server, digest)).status, 404);
  const end = await received(server, digest, { range: `bytes=${size - 1}-` });
  assert.equal(end.status, 404);
});

Deno.test("a blob that has changed since it was verified is hashed before it is sent", async () => {
  await using at = await place(3 << 20);
  const { digest, path } = at.weights;
  // Only where pullama has pulled before does it keep what it has verified.
  Deno.mkdirSync(`${at.models}/.pullm/tmp`, { recursive: true });
  const options = { names: [], full: false };
  const signal = AbortSignal.timeout(60_000);
  await openFolder(at.models).verify(options, { onFinding() {}, onProgress() {}, signal });
  {
    await using server = await serving(at.models);
    const { whole, digest: sent } = await received(server, digest);
    assert.deepEqual([whole, sent], [true, digest]);
  }
  // The same bytes at another time.
  const bytes = Deno.readFileSync(path);
  Deno.utimeSync(path, 1000, 1000);
  await using server = await serving(at.models);
  assert.equal((await received(server, digest)).digest, digest);
  bytes[5]! ^= 1;
  Deno.writeFileSync(path, bytes);
  assert.equal((await received(server, digest)).status, 404);
});

Deno.test("a blob that is cut, or written to, while it is sent ends short", async () => {
  await using at = await place(8 << 20);
  const { digest, path, size } = at.weights;
  for (const change of [() => Deno.truncateSync(path, 100), () => Deno.utimeSync(path, 5, 5)]) {
    await using server = await serving(at.models, { limitRate: 40_000_000 });
    const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`);
    const reader = response.body!.getReader();
    await reader.read();
    change();
    let bytes = 0;
    await assert.rejects(async () => {
      for (let piece; !(piece = await reader.read()).done;) bytes += piece.value.length;
    });
    assert.ok(bytes < size);
    install(at.models, "tiny/latest", makeModel({ size: 8 << 20 }));
  }
});

testWith(
  ["symbolic links", "FIFOs"],
  "links out of the folder, pipes and directories are no blobs and no manifests",
  async () => {
    await using at = await place();
    const { digest, path } = at.weights;
    const outside = `${at.root}/outside`;
    Deno.renameSync(path, outside);
    const replaced: Record<string, () => void> = {
      "a link": () => linkTo(outside, path),
      "a pipe": () => assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success),
      "a directory": () => Deno.mkdirSync(path),
      "a link to a device": () => linkTo("/dev/zero", path),
    };
    for (const [what, make] of Object.entries(replaced)) {
      make();
      await using server = await serving(at.models);
      assert.equal(await statusOf(server, `blobs/${digest}`), 404, what);
      assert.equal(await statusOf(server, "manifests/latest"), 404, what);
      Deno.removeSync(path);
    }
    Deno.renameSync(outside, path);
    Deno.renameSync(at.tiny.path, outside);
    linkTo(outside, at.tiny.path);
    {
      await using server = await serving(at.models);
      assert.equal(await statusOf(server, "manifests/latest"), 404);
    }
    Deno.removeSync(at.tiny.path);
    const folder = `${at.models}/manifests/registry.ollama.ai/library/tiny`;
    Deno.mkdirSync(`${at.root}/elsewhere`);
    Deno.renameSync(outside, `${at.root}/elsewhere/latest`);
    Deno.removeSync(folder);
    linkTo(`${at.root}/elsewhere`, folder);
    await using server = await serving(at.models);
    assert.equal(await statusOf(server, "manifests/latest"), 404);
  },
);

testWith(
  ["symbolic links"],
  "a tag that is a link to a blob of the folder is served, as Ollama makes them",
  async () => {
    await using at = await place();
    const blob = `${at.models}/blobs/sha256-${at.tiny.hex}`;
    Deno.renameSync(at.tiny.path, blob);
    linkTo(blob, at.tiny.path);
    await using server = await serving(at.models);
    assert.equal(await statusOf(server, "manifests/latest"), 200);
  },
);

Deno.test("what is pulled and removed while it runs is there, and gone, soon after", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const until = async (reference: string, status: number) => {
    for (;;) {
      if (await statusOf(server, `manifests/${reference}`) === status) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  install(at.models, "tiny/new", makeModel({ size: 5000, seed: 9 }));
  await until("new", 200);
  Deno.removeSync(at.tiny.path);
  await until("latest", 404);
});

Deno.test("an empty folder may be served, and one that is not there may not", async () => {
  await using at = await place();
  const empty = `${at.root}/empty`;
  Deno.mkdirSync(empty);
  await using server = await serving(empty);
  assert.deepEqual(server.start.offer.served, []);
  await assert.rejects(serving(`${at.root}/nowhere`), /there is no such directory/);
});
