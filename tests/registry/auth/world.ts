/** Helpers of the authentication tests: a registry with logins, and a scanner for leaks. */

import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import type { RegistryOptions } from "../../../src/registry/source.ts";
import { errorText } from "../../../src/ui/text/message.ts";
import { redact } from "../../../src/ui/text/redact.ts";
import type { RegistryOptions as FakeOptions } from "../../fakes/registry.ts";
import { certificate, certificateKey } from "../../fakes/certificate.ts";
import { fakeTerminal } from "../../ui/fake_terminal.ts";
import { fileWith, KEY } from "./keys.ts";
import { failureOf, MiB, never, type World, world } from "../world.ts";

export interface AuthWorld extends Omit<World, "blob"> {
  /** The path of the key that the source has. */
  readonly keyFile: string;
  /** Warnings so far. */
  readonly warnings: readonly string[];
  /** Fetches the manifest. */
  manifest(): Promise<unknown>;
  /** The failure of fetching it. */
  refused(): Promise<PullamaError>;
  /** Opens all of the blob and cancels it. */
  blob(): Promise<void>;
  /** The kinds of the requests so far, with the scheme of their Authorization. */
  asked(): string[];
}

export interface AuthWorldOptions {
  /** The text of the key file; undefined: the key of `keys.ts`; null: no file. */
  readonly key?: string | null;
  readonly login?: { readonly user: string; readonly password: string };
  /** "user:password" in Docker's config file, for the registry. */
  readonly docker?: string;
  /** Token servers on other hosts that the user names. */
  readonly tokenHosts?: readonly string[];
  /** The registry is accessed over plain http, where nothing is signed. */
  readonly plain?: boolean;
  readonly fake?: FakeOptions;
  readonly source?: Partial<RegistryOptions>;
}

/** For a registry that is accessed over https. */
export const TLS: FakeOptions = { tls: { cert: certificate, key: certificateKey } };

/**
 * A registry with a model, and a source that can log in. Its disposal checks that no secret was
 * reported.
 */
export async function authWorld(options: AuthWorldOptions = {}): Promise<AuthWorld> {
  await using stack = new AsyncDisposableStack();
  const key = stack.use(await fileWith(options.key ?? KEY));
  if (options.key === null) await Deno.remove(key.path);
  const docker = stack.use(await fileWith(""));
  const identity: { -readonly [name in keyof Identity]: Identity[name] } = {
    keyFile: key.path,
    dockerConfig: docker.path,
  };
  const reported: string[] = [];
  const warnings: string[] = [];
  const w = stack.use(
    await world(2 * MiB, { ...(options.plain ? {} : TLS), ...options.fake }, {
      identity,
      caCerts: [certificate],
      onRequest: (note) => reported.push(JSON.stringify(note)),
      onWarning: (message, hint) => {
        warnings.push(message);
        reported.push(message, hint);
      },
      ...options.source,
    }),
  );
  const { host } = w.registry;
  if (options.login) identity.login = { host, ...options.login };
  if (options.tokenHosts) identity.tokenHosts = options.tokenHosts;
  const auths = options.docker === undefined ? {} : { [host]: { auth: btoa(options.docker) } };
  await Deno.writeTextFile(docker.path, JSON.stringify({ auths }));
  const passwords = [options.login?.password, options.docker?.split(":")[1]];
  const owned = stack.move();
  return {
    ...w,
    keyFile: key.path,
    warnings,
    manifest: () => w.source.manifest(w.name, never()),
    async refused() {
      const error = await failureOf(w.source.manifest(w.name, never()));
      reported.push(...outputsOf(error));
      return error;
    },
    async blob() {
      const all = { start: 0, end: w.blob.size };
      await (await w.source.open(w.name, w.blob, all, never())).stream.cancel();
    },
    asked: () =>
      w.registry.requests.map(({ path, headers }) => {
        const kind = /manifests|blobs|token/.exec(path)?.[0] ?? path;
        const shown = headers.get("authorization");
        if (shown === null) return kind;
        return `${kind} ${/^(Bearer|Basic) /.exec(shown)?.[1] ?? "signed"}`;
      }),
    async [Symbol.asyncDispose]() {
      const secrets = w.registry.requests.flatMap(({ headers, query }) => [
        ...(headers.get("authorization") ?? "").split(/[ :]/).slice(1),
        query.get("nonce") ?? "",
      ]);
      await owned.disposeAsync();
      assert.deepEqual(leaks(reported, [...secrets, ...passwords.map((word) => word ?? "")]), []);
    },
  };
}

type Identity = NonNullable<RegistryOptions["identity"]>;

/** All forms in which a failure may be shown: the raw object, and the screen with --verbose. */
export function outputsOf(error: PullamaError): string[] {
  const shown = errorText(error, fakeTerminal(), { verbose: true });
  return [Deno.inspect(error, { depth: 20, strAbbreviateSize: 1e6 }), shown, redact(shown)];
}

/** Those of `texts` that contain one of `secrets`. */
export function leaks(texts: readonly string[], secrets: readonly string[]): string[] {
  const real = secrets.filter((secret) => secret.length >= 6);
  return texts.filter((text) => real.some((secret) => text.includes(secret)));
}
