/**
 * Hugging Face's hub in small, on three hosts: the short one that redirects everything, the hub, which answers
 * as a registry, and the store of large files behind signed addresses.
 */

import { jsonAnswer, redirect } from "./faults.ts";
import { type AddedModel, type ModelFiles, type Registry, startRegistry } from "./registry.ts";

/** Blobs below this, in bytes, come from the hub itself, at an address with a token in it. */
const SMALL = 1 << 20;

/** Seconds that such a token is good for. */
const TOKEN_LIFE = 600;

export interface Hub extends AsyncDisposable {
  /** What users name. */
  readonly short: Registry;
  readonly hub: Registry;
  readonly store: Registry;
  /** Stores a model, and names it at the short host. */
  add(name: string, files: ModelFiles): AddedModel;
  /** Paths of files that the hub lists for every repository; undefined: it does not list them. */
  files: readonly string[] | undefined;
}

/** Starts the hosts; close them with `await using`. */
export async function startHub(): Promise<Hub> {
  await using stack = new AsyncDisposableStack();
  const short = stack.use(await startRegistry());
  const hub = stack.use(await startRegistry());
  const store = stack.use(await startRegistry({ blobHosts: 1 }));
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

/** As JSON web tokens are written; nobody here looks at the signature. */
function token(): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const iat = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ iat, exp: iat + TOKEN_LIFE })}.c2lnbmVk`;
}
