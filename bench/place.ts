/** Where the runs of a scenario take place: its servers, its clients, and the folder of copies. */

import { fileURLToPath } from "node:url";
import { runToEnd, startChild } from "../tests/real/child.ts";
import type { Counts } from "./faulty_server.ts";
import type { Faults } from "./faults.ts";
import { FAR_HOST, type LineSpec, openLine } from "./line.ts";
import { freePort, needNginx, startNginx } from "./nginx.ts";
import { type Samples, watchCounts, watchDevice } from "./samples.ts";
import type { Network } from "./scenarios.ts";
import { Unavailable } from "./unavailable.ts";

const FAULTY_SERVER = fileURLToPath(new URL("faulty_server.ts", import.meta.url));
const PORT = 8080;
/** A folder for what survives a restart, so not in memory. */
const ON_DISK = "/var/tmp";

/** A server for one run: faults count its connections from 1. */
export interface Site extends AsyncDisposable {
  /** "ADDRESS:PORT" as the clients see it. */
  readonly host: string;
  /** What the server has sent so far; undefined if it does not count. */
  readonly counts?: () => Promise<Counts>;
  /** Samples the bytes received by the clients. */
  readonly watch?: () => Samples;
}

export interface Place extends AsyncDisposable {
  /** A command that runs a client; empty if it runs like any program. */
  readonly near: readonly string[];
  /** A folder for copies. */
  readonly copies: string;
  /** Serves the files below `root`. */
  serve(root: string): Promise<Site>;
}

/** Opens the place of a network; `memory` is a folder in memory. Throws `Unavailable`. */
export async function openPlace(network: Network, memory: string): Promise<Place> {
  if (network === "disk") return await onDisk();
  if (network === "memory") return inMemory(memory);
  if ("line" in network) return await onLine(network.line, memory);
  const { faults } = network;
  return {
    near: [],
    copies: memory,
    serve: (root) => startFaulty(root, faults),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function onLine(spec: LineSpec, memory: string): Promise<Place> {
  needNginx();
  const line = await openLine(spec);
  return {
    near: line.near,
    copies: memory,
    async serve(root) {
      const address = { address: FAR_HOST, port: PORT };
      const server = await startNginx({ root, prefix: line.far, ...address });
      return { ...server, watch: () => watchDevice(line.near) };
    },
    [Symbol.asyncDispose]: line[Symbol.asyncDispose],
  };
}

function inMemory(memory: string): Place {
  needNginx();
  return {
    near: [],
    copies: memory,
    serve: startLocal,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function startLocal(root: string): Promise<Site> {
  return await startNginx({ root, prefix: [], address: "127.0.0.1", port: freePort() });
}

async function onDisk(): Promise<Place> {
  needNginx();
  const { out } = await runToEnd(["stat", "-f", "-c", "%T", ON_DISK]);
  if (out.trim() === "tmpfs") throw new Unavailable(`${ON_DISK} is not on a disk`);
  const copies = await Deno.makeTempDir({ dir: ON_DISK, prefix: "pullama-bench-" });
  return {
    near: [],
    copies,
    async serve(root) {
      // What the run before left to be written would be charged to this one.
      await runToEnd(["sync", "-f", copies]);
      return await startLocal(root);
    },
    [Symbol.asyncDispose]: () => Deno.remove(copies, { recursive: true }),
  };
}

async function startFaulty(root: string, faults: Faults): Promise<Site> {
  const flags = ["--root", root, "--faults", JSON.stringify(faults)];
  const child = await startChild({
    command: Deno.execPath(),
    args: ["run", "-A", "--no-config", "--no-check", FAULTY_SERVER, ...flags],
    env: { NO_COLOR: "1", ...cacheFolder() },
    ready: /listening on (127\.0\.0\.1:\d+)/,
  });
  const counts = async () => await (await fetch(`http://${child.said}/counts`)).json() as Counts;
  return {
    host: child.said,
    counts,
    watch: () => watchCounts(counts),
    [Symbol.asyncDispose]: child[Symbol.asyncDispose],
  };
}

/** Where Deno keeps compiled modules, so that the server starts quickly. */
function cacheFolder(): Record<string, string> {
  const names = ["HOME", "DENO_DIR", "XDG_CACHE_HOME"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Deno.env.get(name);
      return value ? [[name, value]] : [];
    }),
  );
}
