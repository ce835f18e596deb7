/** nginx that compresses although it must not: what arrives is refused, or judged by its bytes. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { startNginx } from "./servers.ts";
import { writeModel } from "./static_model.ts";
import { assertInstalled } from "./store.ts";

const SIZE = 3_000_000;

type Compress = (bytes: Uint8Array) => Uint8Array;

/** Pulls a model whose weights, or else whose manifest, nginx sends as `compress` makes them. */
async function pullCompressed(compress: Compress, what: "weights" | "manifest" = "weights") {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const model = await writeModel(`${path}/www`, SIZE);
  const weights = model.blobs.find(({ size }) => size > 1_000_000)!;
  const folder = `${path}/www/v2/library/tiny`;
  const file = what === "weights" ? `blobs/${weights.digest}` : "manifests/latest";
  await Deno.writeFile(`${folder}/${file}.gz`, compress(await Deno.readFile(`${folder}/${file}`)));
  const nginx = stack.use(await startNginx(`${path}/www`, { compressed: true }));
  const name = `${nginx.host}/library/tiny:latest`;
  const models = `${path}/models`;
  const argv = [name, "--insecure", "--max-retries", "0", "--models-dir", models];
  const ended = await pullama(argv, { home: path });
  const stored = namesIn(`${models}/blobs`);
  const wrong = stored.includes(weights.digest.replace(":", "-")) && ended.code !== 0;
  assert.equal(wrong, false, "a blob got its name although the pull failed");
  assert.ok(
    ended.code === 0 ||
      /^(?:warning: [^\n]+\nhint: [^\n]+\n)?cannot pull [^\n]+\n(?:hint: [^\n]+\n)?$/.test(
        ended.err,
      ),
    ended.err,
  );
  if (ended.code === 0) assertInstalled(models, name, model);
  return ended;
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

testWith(
  ["nginx"],
  "case 50: right bytes that arrive compressed are refused or installed",
  async () => {
    for (
      const [what, refusal] of [["weights", /sent blob .* compressed/], [
        "manifest",
        /sent the manifest compressed/,
      ]] as const
    ) {
      const { code, err } = await pullCompressed((bytes) => gzipSync(bytes), what);
      // A runtime before Deno 2.8.3 decompresses them unseen.
      assert.ok(code === 0 || refusal.test(err), err);
    }
  },
);

testWith(["nginx"], "case 50: wrong bytes that arrive compressed are never installed", async () => {
  const flipped = (bytes: Uint8Array) => {
    bytes[1_000_000]! ^= 1;
    return gzipSync(bytes);
  };
  const bomb = () => gzipSync(new Uint8Array(256 << 20));
  const broken = (bytes: Uint8Array) => gzipSync(bytes).subarray(0, 100_000);
  for (const compress of [flipped, bomb, broken]) {
    assert.equal((await pullCompressed(compress)).code, 1);
  }
});
