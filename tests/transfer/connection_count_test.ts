/** The number of connections on networks that are simulated: rates in, numbers out. */

import assert from "node:assert/strict";
import { ConnectionCount } from "../../src/transfer/traffic/connection_count.ts";
import { CountsByHost } from "../../src/transfer/traffic/counts_by_host.ts";

const MIB = 1 << 20;
const STEP_MS = 20;

interface Network {
  /** Bytes a second of all connections together. */
  readonly capacity: number;
  /** Bytes a second of one connection: a limit of the server, or what losses leave of it. */
  readonly each?: number;
  /** From this moment on, in milliseconds, a connection has only that much. */
  readonly eachLater?: { readonly from: number; readonly each: number };
  readonly roundTripMs: number;
  /** Connections of others, which get as much as each of ours. */
  readonly others?: number;
  /** The server refuses more connections than this. */
  readonly most?: number;
  /** By how much a rate differs from the mean at most. */
  readonly noise?: number;
  readonly start?: number;
}

interface Course {
  readonly seconds: number;
  /** The numbers, each with the second at which it was chosen. */
  readonly numbers: readonly { readonly at: number; readonly count: number }[];
  readonly reasons: readonly string[];
  /** Connection-seconds over seconds. */
  readonly mean: number;
}

/** Downloads `size` bytes. A new connection needs two round trips, and then doubles its rate with each. */
function download(size: number, network: Network): Course {
  const { capacity, roundTripMs, others = 0, most = Infinity, noise = 0 } = network;
  const count = new ConnectionCount(network.start);
  const numbers = [{ at: 0, count: count.count }];
  const reasons: string[] = [];
  let connections: number[] = [];
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  let [now, received, used] = [0, 0, 0];
  const changed = (change: { count: number; reason: string } | undefined) => {
    if (!change) return;
    numbers.push({ at: now / 1000, count: change.count });
    reasons.push(change.reason);
  };
  for (; received < size && now < 3_600_000; now += STEP_MS) {
    while (connections.length < count.count) {
      if (connections.length < most) connections.push(now + 2 * roundTripMs);
      else changed(count.refused(now));
    }
    connections = connections.slice(0, count.count);
    const later = network.eachLater;
    const each = later && now >= later.from ? later.each : network.each ?? Infinity;
    const wanted = connections.reduce((sum, from) => {
      if (now < from) return sum;
      const started = 14_600 / roundTripMs * 1000 * 2 ** Math.min(30, (now - from) / roundTripMs);
      return sum + Math.min(started, each * (1 + noise * (2 * random() - 1)));
    }, 0);
    const ours = capacity * connections.length / (connections.length + others);
    received += Math.min(wanted, ours) * STEP_MS / 1000;
    used += connections.length * STEP_MS / 1000;
    if (now % 100 !== 0) continue;
    const active = connections.filter((from) => now > from).length;
    const measured = { now, received, active, busy: true, roundTripMs, left: size - received };
    changed(count.measure(measured));
  }
  return { seconds: now / 1000, numbers, reasons, mean: used / (now / 1000) };
}

/** The largest number before that second. */
function largest({ numbers }: Course, before = Infinity): number {
  return Math.max(...numbers.filter(({ at }) => at < before).map(({ count }) => count));
}

Deno.test("ConnectionCount climbs within three seconds where each connection is limited", () => {
  for (const [each, capacity, needed] of [[300e3, 12.5e6, 42], [10e6, 160e6, 16]] as const) {
    const course = download(256 * MIB, { each, capacity, roundTripMs: 80, noise: 0.5 });
    assert.ok(largest(course, 3) >= needed / 1.5, JSON.stringify(course));
    assert.ok(course.seconds < 1.2 * 256 * MIB / capacity + 1.5, JSON.stringify(course));
  }
});

Deno.test("ConnectionCount comes back to about four where four fill the network, and stays there", () => {
  for (const noise of [0, 0.2]) {
    const course = download(8192 * MIB, { capacity: 12.5e6, roundTripMs: 50, noise });
    assert.ok(course.mean < 5, JSON.stringify(course));
    const minutes = course.seconds / 60;
    assert.ok(course.numbers.length < 12 + minutes, JSON.stringify(course));
    assert.ok(course.seconds < 1.02 * 8192 * MIB / 12.5e6, JSON.stringify(course));
  }
});

Deno.test("ConnectionCount does not take a network from others with more and more connections", () => {
  for (const others of [1, 4]) {
    const course = download(2048 * MIB, { capacity: 12.5e6, roundTripMs: 50, others });
    assert.ok(course.mean <= 4 * Math.max(2, others) + 2, JSON.stringify(course));
    assert.ok(largest(course) <= 32, JSON.stringify(course));
  }
});

Deno.test("ConnectionCount adds connections within seconds when losses begin", () => {
  const eachLater = { from: 20_000, each: 400e3 };
  const network = { capacity: 12.5e6, roundTripMs: 80, eachLater };
  const course = download(1024 * MIB, network);
  assert.ok(course.numbers.some(({ at, count }) => at > 20 && at < 26 && count >= 16));
  assert.ok(largest(course) >= 32, JSON.stringify(course));
});

Deno.test("ConnectionCount halves at a refusal, and does not try again soon", () => {
  const network = { each: 2e6, capacity: 1e9, roundTripMs: 20, most: 6 };
  const course = download(512 * MIB, network);
  assert.equal(course.reasons.filter((reason) => /refused/.test(reason)).length, 1);
  assert.ok(course.numbers.every(({ at, count }) => at < 1 || count <= 4), JSON.stringify(course));
  const longer = download(20 * 1024 * MIB, network);
  const refusals = longer.reasons.filter((reason) => /refused/.test(reason)).length;
  assert.ok(refusals < 8, `${refusals} in ${longer.seconds} s`);
});

Deno.test("ConnectionCount counts refusals at the same time as one, and ends at one connection", () => {
  const count = new ConnectionCount(64);
  assert.equal(count.refused(1000)?.count, 32);
  assert.equal(count.refused(1100), undefined);
  for (let now = 2500; now < 30_000; now += 1500) count.refused(now);
  assert.equal(count.count, 1);
  assert.equal(count.refused(60_000), undefined);
});

Deno.test("ConnectionCount leaves a computer alone that cannot receive any faster", () => {
  const course = download(4096 * MIB, { capacity: 900e6, roundTripMs: 1 });
  assert.deepEqual(course.numbers, [{ at: 0, count: 4 }]);
});

Deno.test("ConnectionCount learns nothing while there is too little to do", () => {
  const count = new ConnectionCount();
  for (let now = 0; now < 60_000; now += 100) {
    const measured = { now, received: now * 1000, active: 1, roundTripMs: 20, left: 1e9 };
    assert.equal(count.measure({ ...measured, busy: false }), undefined);
  }
  assert.equal(count.count, 4);
});

Deno.test("a host's numbers are used by the next pull from it, and by one pull at a time", () => {
  const hosts = new CountsByHost();
  const first = hosts.take("a.example", 5);
  first.ranges.refused(1000);
  assert.equal(first.ranges.count, 2);
  assert.equal(hosts.take("a.example", 5).ranges.count, 4, "that pull has not ended yet");
  hosts.giveBack("a.example", first);
  assert.equal(hosts.take("a.example", 5).ranges.count, 2);
  assert.equal(hosts.take("b.example", 80).ranges.count, 8, "a far one begins with more");
});
