import assert from "node:assert/strict";
import { Shares } from "../../../src/transfer/sources/shares.ts";

const MB = 1e6;
const PIECE = 4 * MB;
const STEP_MS = 10;

interface Mirror {
  readonly name: string;
  /** Bytes a second of all its connections. */
  readonly most: number;
  /** Bytes a second of each. */
  readonly each?: number;
  /** Milliseconds until a response begins; default 0. */
  readonly delayMs?: number;
}

/** Downloads for `seconds` over `connections`; returns the bytes that came from each mirror. */
function simulate(mirrors: readonly Mirror[], connections: number, seconds: number) {
  let now = 0;
  const shares = new Shares<Mirror>({ now: () => now });
  const got = new Map(mirrors.map((mirror) => [mirror.name, 0]));
  const next = () => {
    const [mirror] = shares.ordered(mirrors, PIECE);
    const from = now + (mirror!.delayMs ?? 0);
    return { mirror: mirror!, done: 0, from, end: shares.begin(mirror!) };
  };
  const open = Array.from({ length: connections }, next);
  for (; now < seconds * 1000; now += STEP_MS) {
    for (const [k, piece] of open.entries()) {
      const { mirror, from } = piece;
      if (from > now) continue;
      const rivals = open.filter((other) => other.mirror === mirror && other.from <= now).length;
      const bytes = Math.min(mirror.most / rivals, mirror.each ?? Infinity) * STEP_MS / 1000;
      piece.done += bytes;
      got.set(mirror.name, got.get(mirror.name)! + bytes);
      if (piece.done < PIECE) continue;
      piece.end(piece.done);
      open[k] = next();
    }
  }
  return { got, rate: [...got.values()].reduce((a, b) => a + b) / seconds };
}

const near = { name: "near", most: 20 * MB };

Deno.test("two mirrors with a limit each are added up", () => {
  const alone = simulate([near], 8, 120).rate;
  const { rate } = simulate([near, { name: "other", most: 20 * MB }], 8, 120);
  assert.ok(rate > 1.6 * alone, `${rate}`);
});

Deno.test("a mirror that is much faster than the first one serves most", () => {
  const { got } = simulate([near, { name: "fast", most: 200 * MB }], 8, 120);
  assert.ok(got.get("fast")! > 4 * got.get("near")!, JSON.stringify([...got]));
});

Deno.test("a slow mirror costs next to nothing, and a fast first one keeps nearly all", () => {
  const alone = simulate([near], 4, 120).rate;
  const { got, rate } = simulate([near, { name: "slow", most: 1 * MB }], 4, 120);
  assert.ok(rate > 0.97 * alone, `${rate}`);
  assert.ok(got.get("slow")! < 0.06 * got.get("near")!, JSON.stringify([...got]));
});

Deno.test("a mirror that is slow to respond gets one connection now and then, and no more", () => {
  const alone = simulate([near], 8, 120).rate;
  for (const delayMs of [4000, 8000, Infinity]) {
    const { rate } = simulate([near, { name: "cold", most: 200 * MB, delayMs }], 8, 120);
    assert.ok(rate > 0.97 * alone, `${delayMs} ms: ${rate}`);
  }
});

Deno.test("a mirror that limits each connection is not left for one that is no faster", () => {
  const limited = { name: "limited", most: Infinity, each: 5 * MB };
  const { got } = simulate([limited, { ...limited, name: "same" }], 4, 120);
  assert.ok(got.get("limited")! > 10 * got.get("same")!, JSON.stringify([...got]));
});

Deno.test("the first seconds, small ranges and single connections are the first mirror's", () => {
  const fast = { name: "fast", most: 500 * MB };
  assert.equal(simulate([near, fast], 8, 5).got.get("fast"), 0);
  assert.equal(simulate([near, fast], 1, 60).got.get("fast"), 0);
  const shares = new Shares<Mirror>({ now: () => 60_000 });
  for (let k = 0; k < 9; k++) shares.begin(near);
  assert.deepEqual(shares.ordered([near, fast], 1000), [near, fast]);
});
