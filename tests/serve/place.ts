/** A models folder with models, and a server of it in this process. */

import type { ServedRequest, ServerStart } from "../../src/core/reports/serve.ts";
import { parseName } from "../../src/core/name.ts";
import { parseAddress } from "../../src/setup/serve/address.ts";
import { serveModels, type ServeOptions } from "../../src/setup/serve/serve.ts";
import { makeModel } from "../fakes/model.ts";
import { temporaryFolder } from "../real/child.ts";
import { install, type Installed } from "../store/installed_models.ts";

export interface Served extends AsyncDisposable {
  readonly start: ServerStart;
  readonly url: string;
  readonly port: number;
  /** What was answered so far. */
  readonly requests: readonly ServedRequest[];
  /** Does what a signal does, and waits for the end. */
  readonly stop: () => Promise<void>;
}

/** Serves `models` at a free port of this machine. */
export async function serving(
  models: string,
  changes: Partial<Omit<ServeOptions, "shared">> & { readonly share?: readonly string[] } = {},
): Promise<Served> {
  const { share = [], ...options } = changes;
  const stopped = new AbortController();
  const started = Promise.withResolvers<ServerStart>();
  const requests: ServedRequest[] = [];
  const ended = serveModels(
    {
      modelsDir: models,
      listen: parseAddress("127.0.0.1:0"),
      hosts: [],
      shared: share.map(parseName),
      list: false,
      maxClients: 64,
      ...options,
    },
    { onStart: started.resolve, onRequest: (request) => requests.push(request) },
    stopped.signal,
  );
  ended.catch(started.reject);
  const start = await started.promise;
  const url = start.urls.at(-1)!;
  const stop = async () => {
    stopped.abort();
    await ended;
  };
  return {
    start,
    url,
    port: Number(new URL(url).port),
    requests,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export interface Place extends AsyncDisposable {
  readonly root: string;
  readonly models: string;
  /** `tiny` of the library. */
  readonly tiny: Installed;
  /** Digest, path and size of its weights. */
  readonly weights: Weights;
}

export interface Weights {
  readonly digest: string;
  readonly path: string;
  readonly size: number;
}

/** A folder in which `tiny` is installed as Ollama does it: nothing has verified its blobs. */
export async function place(size: number = 1 << 20): Promise<Place> {
  const folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  const tiny = install(models, "tiny/latest", makeModel({ size }));
  return {
    root: folder.path,
    models,
    tiny,
    weights: largestOf(tiny),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The largest blob of a model. */
export function largestOf({ blobs }: Installed): Weights {
  const [largest] = blobs.map((path) => ({
    path,
    size: Deno.statSync(path).size,
    digest: path.slice(path.lastIndexOf("/") + 1).replace("-", ":"),
  })).sort((a, b) => b.size - a.size);
  return largest!;
}
