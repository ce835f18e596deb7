/** Manifests at the registry that is pushed to. */

import { createHash } from "node:crypto";
import { type Digest, digestOf, isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import {
  type Manifest,
  MANIFEST_MEDIA_TYPES,
  MAX_MANIFEST_BYTES,
  mediaTypeOf,
} from "../../core/manifest.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { Deadline } from "../../io/abort.ts";
import { readWhole } from "../http/body.ts";
import { discard } from "../http/http.ts";
import { isBusy } from "../http/retry_after.ts";
import { manifestRefusal } from "./refusal.ts";
import { type Requests, sentBytes } from "./requests.ts";

/** Milliseconds without data of a manifest. */
const SILENCE_MS = 30_000;

const ACCEPT = { accept: MANIFEST_MEDIA_TYPES.join(", ") };

/** As `PushTarget.tag`. */
export async function digestOfTag(
  requests: Requests,
  name: ModelName,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const found = await head(requests, name, name.tag, signal);
  const digest = found?.headers.get("docker-content-digest");
  return isDigest(digest) ? digest : undefined;
}

/** As `PushTarget.putManifest`. */
export async function putManifest(
  requests: Requests,
  name: ModelName,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const { bytes, digest } = manifest;
  const type = mediaTypeOf(manifest);
  const final = await requests.send(name, requests.url(name, `manifests/${name.tag}`), {
    method: "PUT",
    headers: { "content-type": type },
    body: sentBytes(bytes),
    signal,
  });
  const { status } = final.response;
  if (status < 200 || status >= 300) {
    const what = `the manifest of ${displayName(name)}`;
    throw manifestRefusal(await requests.refused(name, final, what), type);
  }
  await discard(final.response);
  const found = await head(requests, name, digest, signal);
  const announced = found?.headers.get("docker-content-digest");
  if (announced === digest) return;
  if (found && !announced && await digestAt(requests, name, digest, signal) === digest) return;
  throw new PullamaError("digest", `${final.url.host} has another manifest than was sent`, {
    hint: `it has to keep manifests byte for byte: ${digest}`,
  });
}

/** The response to a HEAD; undefined where there is no such manifest. */
async function head(
  requests: Requests,
  name: ModelName,
  reference: string,
  signal: AbortSignal,
): Promise<Response | undefined> {
  const url = requests.url(name, `manifests/${reference}`);
  const final = await requests.send(name, url, { method: "HEAD", headers: ACCEPT, signal });
  await discard(final.response);
  const { status } = final.response;
  if (isBusy(status)) throw await requests.refusal(name, final, "the manifest");
  return status === 200 ? final.response : undefined;
}

/** The digest of what the registry sends, for those that do not say it. */
async function digestAt(
  requests: Requests,
  name: ModelName,
  reference: Digest,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const what = `no complete manifest of ${displayName(name)}`;
  using attempt = new Deadline(signal, 10 * SILENCE_MS, what);
  const url = requests.url(name, `manifests/${reference}`);
  const request = { method: "GET", headers: ACCEPT, signal: attempt.signal } as const;
  const { response } = await requests.send(name, url, request);
  const bytes = await readWhole(response, url.host, MAX_MANIFEST_BYTES, SILENCE_MS, attempt);
  return bytes && digestOf(createHash("sha256").update(bytes).digest("hex"));
}
