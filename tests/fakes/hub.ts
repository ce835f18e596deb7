/**
 * A fake Hugging Face Hub on three hosts: the short name that redirects everything, the hub, which
 * acts as a registry, and the store for large files with signed URLs.
 */

import { jsonAnswer, redirect } from "./faults.ts";
import {
  type AddedModel,
  type ModelFiles,
  type Registry,
  type RegistryOptions,
  startRegistry,
} from "./registry.ts";

/** Blobs smaller than this, in bytes, are served by the hub itself, at a URL with a token. */
const SMALL = 1 << 20;

/** Lifetime of such a token in seconds. */
const TOKEN_LIFE = 600;

export interface Hub extends AsyncDisposable {
  /** The host in model names. */
  readonly short: Registry;
  readonly hub: Registry;
  readonly store: Registry;
  /** Stores a model; its name is at the short host. */
  add(name: string, files: ModelFiles): AddedModel;
  /** Paths of the files that the hub lists for every repository; undefined: not found. */
  files: readonly string[] | undefined;
}

/** Starts the hosts; close them with `await using`. `options` are those of all three. */
export async function startHub(options: RegistryOptions = {}): Promise<Hub> {
  await using stack = new AsyncDisposableStack();
  const short = stack.use(await startRegistry(options));
  const hub = stack.use(await startRegistry(options));
  const store = stack.use(await startRegistry({ ...options, blobHosts: 1 }));
  const sizes = new Map<string, number>();

  const onward = ({ target }: { readonly target: string }) => redirect(`${hub.url}${target}`);
  Object.assign(short.faults, {
    manifest: onward,
    blob: onward,
    chunksums: onward,
    other: onward,
  });
  hub.faults.blob = ({ path, query }) => {
    const digest = path.slice(path.lastIndexOf("/") + 1) as `sha256:${string}`;
    const size = sizes.get(digest);
    if (size === undefined || query.get("__sign")) return undefined;
    return redirect(
      size < SMALL ? `${hub.url}${path}?__sign=${token()}` : store.address(digest),
      302,
    );
  };
  const owned = stack.move();
  const world: Hub = {
    short,
    hub,
    store,
    files: undefined,
    add(name, files) {
      const model = hub.add(name, files);
      for (const { content } of [...files.layers ?? [], ...files.config ? [files.config] : []]) {
        store.addBlob(content);
      }
      for (const blob of [...model.layers, ...model.config ? [model.config] : []]) {
        sizes.set(blob.digest, blob.size);
      }
      return { ...model, name: `${short.host}/${name}` };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  hub.faults.other = ({ path }) => {
    if (!/^\/api\/models\/[^/]+\/[^/]+\/tree\/main$/.test(path) || !world.files) return undefined;
    return jsonAnswer(200, world.files.map((path) => ({ type: "file", oid: "1", size: 1, path })));
  };
  return world;
}

/** A JSON web token with an invalid signature, which is not checked here. */
function token(): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const iat = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ iat, exp: iat + TOKEN_LIFE })}.c2lnbmVk`;
}
