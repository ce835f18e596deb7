/** Which source says what a tag is: the registry, and only where that cannot be asked a mirror. */

import type { BlobSource, ManifestSource, Source } from "../../core/content.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import type { Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { isUnreachable } from "./attempt.ts";
import type { Mirror } from "./mirror.ts";

/** Manifests of `registry`, of mirrors where that cannot be reached; without it of mirrors only. */
export function registryFirst(
  registry: ManifestSource | undefined,
  mirrors: readonly Mirror[],
): ManifestSource["manifest"] {
  if (!registry) {
    return async (name, signal) => {
      const from = await fromMirrors(mirrors, name, signal);
      return marked(from, "offline");
    };
  }
  return async (name, signal) => {
    try {
      return await twice(() => registry.manifest(name, signal), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (mirrors.length === 0 || !isUnreachable(error)) throw error;
      const from = await fromMirrors(mirrors, name, signal).catch((other) => {
        signal.throwIfAborted();
        throw asPullamaError(other).kind === "moved" ? other : error;
      });
      return marked(from, "unreachable");
    }
  };
}

/** A source of the blobs of one, with manifests from elsewhere. */
export function withManifest(blobs: BlobSource, manifest: ManifestSource["manifest"]): Source {
  return {
    manifest,
    chunksums: (...asked) => blobs.chunksums(...asked),
    open: (...asked) => blobs.open(...asked),
    sendsRanges: (...asked) => blobs.sendsRanges(...asked),
    forgetAddress: (...wrong) => blobs.forgetAddress(...wrong),
  };
}

interface Word {
  readonly manifest: Manifest;
  readonly url: string;
}

function marked({ manifest, url }: Word, because: "offline" | "unreachable"): Manifest {
  return { ...manifest, from: { url, because } };
}

/** One lost connection is no reason to take another one's word. */
async function twice<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (signal.aborted || asPullamaError(error).kind !== "network") throw error;
    return await attempt();
  }
}

/** That of the first mirror that has one. Rejects with the failure that says most. */
async function fromMirrors(
  mirrors: readonly Mirror[],
  name: ModelName,
  signal: AbortSignal,
): Promise<Word> {
  let failure: PullamaError | undefined;
  for (const { url, source, health } of mirrors) {
    const since = health.asked();
    try {
      const manifest = await source.manifest(name, signal);
      health.worked();
      return { manifest, url };
    } catch (caught) {
      const error = asPullamaError(caught);
      if (!signal.aborted && isUnreachable(error)) health.failed(since, false, error.retryAfterMs);
      else health.released();
      signal.throwIfAborted();
      if (!failure || failure.kind === "not_found") failure = error;
    }
  }
  throw failure ?? new PullamaError("not_found", "there is no mirror to ask");
}
