/** Puts a models folder and a server together. */

import { PullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import type { ServedRequest, ServerEnd, ServerStart } from "../../core/reports/serve.ts";
import { systemClock } from "../../io/clock.ts";
import { steadyPace } from "../../io/limit.ts";
import { isDirectory } from "../../io/stat.ts";
import { serve } from "../../serve/server.ts";
import type { Shelf } from "../../serve/shelf.ts";
import { openFolder } from "../../store/store.ts";
import { type Address, listenAt, ownNames, reachOf, urlsOf } from "./address.ts";

export interface ServeOptions {
  readonly modelsDir: string;
  readonly listen: Address;
  /** Further names that clients use for this machine. */
  readonly hosts: readonly string[];
  /** Models that are served besides those that everyone can pull. */
  readonly shared: readonly ModelName[];
  readonly list: boolean;
  /** Requests that are answered at a time. */
  readonly maxClients: number;
  /** Bytes per second over all clients. */
  readonly limitRate?: number;
}

export interface ServeWatcher {
  readonly onStart: (start: ServerStart) => void;
  readonly onRequest: (request: ServedRequest) => void;
}

export type ServeModels = (
  options: ServeOptions,
  watcher: ServeWatcher,
  signal: AbortSignal,
) => Promise<ServerEnd>;

/**
 * Serves a models folder until `signal` is aborted. Rejects with kind local where there is no such folder, or nothing can
 * listen at the address.
 */
export const serveModels: ServeModels = async (options, watcher, signal) => {
  const { modelsDir, listen, shared, list, maxClients, limitRate } = options;
  if (!await isDirectory(modelsDir)) {
    throw new PullamaError("local", `cannot serve ${modelsDir}: there is no such directory`, {
      hint: "name the models folder with --models-dir, or pull a model first",
    });
  }
  using shelf = await openFolder(modelsDir).shelf(shared, systemClock.now);
  const served: Shelf = shelf;
  const offer = await shelf.offer();
  using listener = listenAt(listen);
  const { hostname, port } = listener.addr as Deno.NetAddr;
  const at = { ...listen, port };
  const names = ownNames();
  watcher.onStart({
    modelsDir,
    urls: urlsOf(at, hostname),
    reach: reachOf(hostname),
    offer,
  });
  return await serve({
    listener,
    shelf: served,
    list,
    hosts: [...names, listen.host, ...options.hosts],
    maxClients,
    pace: steadyPace(limitRate),
    clock: systemClock,
    onRequest: watcher.onRequest,
  }, signal);
};
