import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { total } from "../../src/core/ranges.ts";
import { blobOf, exists, fetchBlob, noSignal, Witness, World } from "./world.ts";

const BLOB = blobOf(48 * 1024 * 1024);
const MIB = 1024 * 1024;

/** What the other process does: it writes the blob with three writers and tells of every write. */
const CODE = `
const [world, root] = Deno.args;
const { blobOf, Witness } = await import(world);
const { openFolder } = await import(new URL("../../src/store/store.ts", world).href);
const { blob, bytes } = blobOf(48 * 1024 * 1024);
const folder = openFolder(root, { tool: "t" });
const session = await folder.enter(new AbortController().signal, () => {});
const ingest = await session.ingest(blob, new AbortController().signal, new Witness());
const third = blob.size / 3;
ingest.plan([0, 1, 2].map((n) => ({ start: n * third, end: (n + 1) * third })));
const say = (count) => Deno.stdout.writeSync(new TextEncoder().encode(count + "\\n"));
await Promise.all([0, 1, 2].map(async (n) => {
  const writer = await ingest.writer(n * third);
  for (let turn = 0; writer.position < (n + 1) * third; turn++) {
    const end = Math.min((n + 1) * third, writer.position + 65536);
    await writer.write(bytes.subarray(writer.position, end));
    say(65536);
    if (turn % 40 === 20) await ingest.checkpoint();
  }
}));
await new Promise(() => setInterval(() => {}, 1000));
`;

/** Starts the other process and kills it when it has written about `bytes`; returns how much it wrote. */
async function killedAfter(world: World, bytes: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`,
      `data:text/javascript,${encodeURIComponent(CODE)}`,
      new URL("./world.ts", import.meta.url).href,
      world.models,
    ],
    stdout: "piped",
  }).spawn();
  let written = 0;
  for await (const piece of child.stdout) {
    const lines = new TextDecoder().decode(piece).split("\n").length - 1;
    if (written < bytes && written + lines * 65536 >= bytes) child.kill("SIGKILL");
    written += lines * 65536;
  }
  await child.status;
  return written;
}

for (const share of [0.02, 0.3, 0.62, 0.97]) {
  Deno.test(`case 83: SIGKILL after ${share * 100} % costs less than 1 MiB a connection`, async () => {
    await using world = await World.make();
    const written = await killedAfter(world, BLOB.blob.size * share);
    assert.ok(written > 0 && (written < BLOB.blob.size || share > 0.9), `${written} bytes`);
    await using session = await world.enter();
    const watcher = new Witness();
    const fetched = total(await fetchBlob(session, BLOB, { watcher, piece: MIB }));
    assert.deepEqual(await Deno.readFile(world.at(BLOB.blob).ready), BLOB.bytes);
    assert.deepEqual(watcher.lostRanges, []);
    const again = fetched - (BLOB.blob.size - written);
    assert.ok(again < 3 * MIB, `${again} bytes again`);
  });
}

Deno.test("case 83: without its positions a SIGKILL costs what was written after the last checkpoint", async () => {
  await using world = await World.make();
  await killedAfter(world, BLOB.blob.size * 0.8);
  const at = world.at(BLOB.blob);
  assert.ok(exists(at.positions) && exists(at.checkpoint));
  await Deno.remove(at.positions);
  await using session = await world.enter();
  const ingest = (await session.ingest(BLOB.blob, noSignal(), new Witness()))!;
  assert.ok(ingest.kept() > 0 && ingest.kept() < BLOB.blob.size);
  await ingest[Symbol.asyncDispose]();
  await fetchBlob(session, BLOB, { piece: MIB });
  assert.deepEqual(await Deno.readFile(at.ready), BLOB.bytes);
});
