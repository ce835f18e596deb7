/** Many clients of `pullama serve` at once. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { testWith } from "../needs.ts";
import { startServing } from "../real/serving.ts";
import { place } from "../serve/place.ts";

const CLIENTS = 50;
const SIZE = 200 << 20;
const MOST_MEMORY = 200 << 20;

/** Reads a blob to its end. Returns its digest, and how long that took. */
async function read(url: string): Promise<{ readonly digest: string; readonly ms: number }> {
  const began = performance.now();
  const response = await fetch(url);
  assert.equal(response.status, 200);
  const hash = createHash("sha256");
  for await (const piece of response.body!) hash.update(piece);
  return { digest: `sha256:${hash.digest("hex")}`, ms: performance.now() - began };
}

/** The most memory that a process ever had, in bytes. */
function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kilobytes) * 1024;
}

testWith(
  ["a long time", "a compiled program"],
  `${CLIENTS} clients get a model of 200 MiB, in about the same time, and the server stays small`,
  async () => {
    await using at = await place(SIZE);
    await using server = await startServing(at.models, at.root);
    const { digest } = at.weights;
    const url = `http://${server.host}/v2/library/tiny/blobs/${digest}`;
    const ended = await Promise.all(Array.from({ length: CLIENTS }, () => read(url)));
    assert.ok(ended.every((one) => one.digest === digest));
    const times = ended.map(({ ms }) => ms).sort((a, b) => a - b);
    const [fastest, slowest] = [times[0]!, times.at(-1)!];
    const peak = peakOf(server.pid);
    console.log(
      `${Math.round(fastest)} to ${Math.round(slowest)} ms, ${Math.round(peak / 2 ** 20)} MiB`,
    );
    // Usually 1.3 times; this computer also runs the clients.
    assert.ok(slowest < 3 * fastest, times.map(Math.round).join(" "));
    assert.ok(peak < MOST_MEMORY, String(peak));
  },
);
