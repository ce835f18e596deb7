/** The networks of the benchmark: what each one does, and what it would take at best. */

import type { Faults } from "./faults.ts";
import { type LineSpec, PACKET, SEGMENT } from "./line.ts";

const MB = 1e6;
const MiB = 1 << 20;

/** Where a scenario takes place. */
export type Network =
  /** nginx beyond a line between two network namespaces. */
  | { readonly line: LineSpec }
  /** A server with faults, on loopback. */
  | { readonly faults: Faults }
  /** nginx on loopback; the copies are written to memory, or to a disk. */
  | "memory"
  | "disk";

export interface Scenario {
  /** Its network and model in words. */
  readonly title: string;
  readonly network: Network;
  /** Number of blobs, and bytes of each. */
  readonly blobs: number;
  readonly size: number;
  /** Bytes of content per second at best; undefined if only the machine limits it. */
  readonly rate?: number;
  /** Whether throughput over time is drawn. */
  readonly plotted?: boolean;
  /** Ollama takes minutes. */
  readonly slowWithOllama?: boolean;
}

function onLine(
  line: LineSpec,
  model: string,
  rest: Omit<Scenario, "title" | "network" | "rate">,
): Scenario {
  const lossy = line.loss === 0 ? "no loss" : `${line.loss} % loss each way`;
  return {
    title: `${model} over ${line.down} Mbit/s, round trip ${line.rtt} ms, ${lossy}`,
    network: { line },
    rate: line.down * MB / 8 * SEGMENT / PACKET,
    ...rest,
  };
}

function withFaults(title: string, faults: Faults, rate: number, plotted = false): Scenario {
  return { title, network: { faults }, blobs: 1, size: 600 * MB, rate, plotted };
}

const LOSSY: LineSpec = { rtt: 80, down: 100, up: 20, loss: 0.5 };

/** The scenarios by their keys in `--networks`. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  lossy: onLine(LOSSY, "256 MiB", {
    blobs: 1,
    size: 256 * MiB,
    plotted: true,
    slowWithOllama: true,
  }),
  "lossy-small": onLine(LOSSY, "64 MiB", { blobs: 1, size: 64 * MiB }),
  far: onLine({ rtt: 200, down: 20, up: 20, loss: 2 }, "64 MiB", { blobs: 1, size: 64 * MiB }),
  clean: onLine({ ...LOSSY, loss: 0 }, "64 MiB", { blobs: 1, size: 64 * MiB }),
  "small-blobs": onLine({ ...LOSSY, rtt: 50, loss: 0 }, "2,000 blobs of 16,000 bytes", {
    blobs: 2000,
    size: 16_000,
  }),
  limited: {
    ...withFaults(
      "1 GiB, each connection 10 MiB/s, all together 125 MB/s",
      { each: 10 * MiB, total: 125 * MB },
      125 * MB,
      true,
    ),
    size: 1024 * MiB,
  },
  "slow-one": withFaults(
    "600 MB, one connection 50 kB/s, all together 300 MB/s",
    { slow: { connection: 2, rate: 50e3 }, total: 300 * MB },
    300 * MB,
  ),
  frozen: withFaults(
    "600 MB, the first two connections stop after 8 MiB, all together 50 MB/s",
    { frozen: { connections: 2, after: 8 * MiB }, total: 50 * MB },
    50 * MB,
    true,
  ),
  ageing: withFaults(
    "600 MB, each connection 10 MB/s and 500 kB/s after 20 MB, all together 40 MB/s",
    { each: 10 * MB, ageing: { after: 20 * MB, rate: 500e3 }, total: 40 * MB },
    40 * MB,
  ),
  whole: withFaults(
    "600 MB, the server ignores Range, all together 125 MB/s",
    { whole: true, total: 125 * MB },
    125 * MB,
  ),
  refusing: withFaults(
    "600 MB, 429 beyond 6 requests at a time, each connection 10 MB/s",
    { atOnce: 6, each: 10 * MB },
    60 * MB,
  ),
  memory: {
    title: "1 GiB over loopback to memory",
    network: "memory",
    blobs: 1,
    size: 1024 * MiB,
  },
  disk: {
    title: "1 GiB over loopback to a disk",
    network: "disk",
    blobs: 1,
    size: 1024 * MiB,
  },
};

/** The scenarios of `--networks`: "all", "none", or keys with commas between them. */
export function chosenScenarios(text: string): string[] {
  const all = Object.keys(SCENARIOS);
  if (text === "all") return all;
  if (text === "none") return [];
  const keys = text.split(",");
  if (keys.every((key) => all.includes(key))) return keys;
  throw new Error(`invalid --networks: expected all, none, or some of ${all.join(", ")}`);
}
