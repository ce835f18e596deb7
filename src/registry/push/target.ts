/** An OCI registry as the target of a push: uploads and manifests over HTTP, without retries. */

import { type Digest, shortId } from "../../core/digest.ts";
import { type Kind, PullamaError } from "../../core/errors.ts";
import type { Descriptor, Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { PushTarget, Upload, UploadPart } from "../../core/upload/target.ts";
import { discard } from "../http/http.ts";
import type { FinalResponse } from "../http/redirects.ts";
import { isBusy } from "../http/retry_after.ts";
import { digestOfTag, putManifest } from "./manifests.ts";
import { refusalOf, saysFull } from "./refusal.ts";
import type { Requests } from "./requests.ts";
import { advanced, leastIn, offsetIn, withDigest } from "./session.ts";

const NOT_MOUNTED: readonly Kind[] = ["auth", "refused", "protocol"];
/** An upload that is gone, or is elsewhere than the chunk. */
const GONE: readonly number[] = [404, 410, 416];

export class RegistryTarget implements PushTarget, Disposable {
  constructor(private readonly requests: Requests) {}

  place(name: ModelName): string {
    return this.requests.place(name);
  }

  async has(name: ModelName, blob: Descriptor, signal: AbortSignal): Promise<boolean> {
    const url = this.requests.url(name, `blobs/${blob.digest}`);
    const final = await this.requests.send(name, url, { method: "HEAD", signal });
    const { status, headers } = final.response;
    await discard(final.response);
    if (isBusy(status)) throw await this.#refusal(name, final, nameOf(blob));
    const length = headers.get("content-length");
    return status === 200 && (length === null || Number(length) === blob.size);
  }

  async begin(
    name: ModelName,
    blob: Descriptor,
    from: ModelName | undefined,
    signal: AbortSignal,
  ): Promise<Upload | undefined> {
    if (!from) return await this.#begin(name, blob, undefined, signal);
    try {
      return await this.#begin(name, blob, this.requests.repository(from), signal);
    } catch (error) {
      // It may not let us read there, know no mounts, or not have done it: then the blob is sent.
      const isPlain = error instanceof PullamaError && NOT_MOUNTED.includes(error.kind);
      if (!isPlain || signal.aborted) throw error;
      return await this.#begin(name, blob, undefined, signal);
    }
  }

  async #begin(
    name: ModelName,
    blob: Descriptor,
    from: string | undefined,
    signal: AbortSignal,
  ): Promise<Upload | undefined> {
    const url = this.requests.url(name, "blobs/uploads/");
    if (from !== undefined) {
      url.search = `mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(from)}`;
    }
    const final = await this.requests.send(name, url, { method: "POST", from, signal });
    const { status, headers } = final.response;
    if (status === 201 && from !== undefined) {
      await discard(final.response);
      if (await this.#isThere(name, blob, headers, signal)) return undefined;
      throw new PullamaError("protocol", `${url.host} has not mounted ${nameOf(blob)}`);
    }
    if (status !== 202) throw await this.#refusal(name, final, nameOf(blob));
    await discard(final.response);
    const location = await this.requests.location(name, final, undefined, signal);
    return { location, offset: 0, least: leastIn(headers) };
  }

  async state(
    name: ModelName,
    upload: Upload,
    signal: AbortSignal,
  ): Promise<Upload | undefined> {
    const url = new URL(upload.location);
    const final = await this.requests.send(name, url, { method: "GET", signal });
    const { status, headers } = final.response;
    if (status >= 200 && status < 300) {
      await discard(final.response);
      const location = await this.requests.location(name, final, upload.location, signal);
      return { ...upload, location, offset: offsetIn(headers) ?? 0 };
    }
    if (isBusy(status)) throw await this.#refusal(name, final, "the upload");
    await discard(final.response);
    // It is gone, another login's, or cannot be asked for: a new one tells what is really refused.
    return undefined;
  }

  async append(
    name: ModelName,
    upload: Upload,
    part: UploadPart,
    signal: AbortSignal,
  ): Promise<Upload> {
    const { start, end } = part.range;
    const final = await this.requests.send(name, new URL(upload.location), {
      method: "PATCH",
      body: bodyOf(part),
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `${start}-${end - 1}`,
      },
      signal,
    });
    const { status, headers } = final.response;
    if (GONE.includes(status)) {
      await discard(final.response);
      const { host } = final.url;
      throw new PullamaError("stale", `${host} does not continue the upload (${status})`);
    }
    if (status < 200 || status >= 300) {
      const refusal = await this.requests.refused(name, final, "the upload");
      const error = refusalOf(refusal);
      if (status !== 400 || start === 0 || saysFull(refusal)) throw error;
      // Some say so of an upload that they do not continue there.
      const { message, hint } = error;
      throw new PullamaError("stale", message, { ...(hint !== undefined && { hint }) });
    }
    await discard(final.response);
    const location = await this.requests.location(name, final, upload.location, signal);
    return advanced(upload, location, part.range, headers);
  }

  async finish(
    name: ModelName,
    upload: Upload,
    blob: Descriptor,
    last: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const url = withDigest(new URL(upload.location), blob.digest);
    const final = await this.requests.send(name, url, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      ...(last && { body: bodyOf(last) }),
      signal,
    });
    const { status, headers } = final.response;
    if (GONE.includes(status)) {
      await discard(final.response);
      throw new PullamaError("stale", `${final.url.host} has forgotten the upload (${status})`);
    }
    if (status < 200 || status >= 300) throw await this.#refusal(name, final, nameOf(blob));
    await discard(final.response);
    if (await this.#isThere(name, blob, headers, signal)) return;
    const message = `${final.url.host} does not have ${nameOf(blob)} after its upload`;
    throw new PullamaError("protocol", message, { hint: "read the log of the registry" });
  }

  async drop(name: ModelName, upload: Upload, signal: AbortSignal): Promise<void> {
    try {
      const url = new URL(upload.location);
      const { response } = await this.requests.send(name, url, { method: "DELETE", signal });
      await discard(response);
    } catch {
      // The registry forgets it by itself.
    }
  }

  tag(name: ModelName, signal: AbortSignal): Promise<Digest | undefined> {
    return digestOfTag(this.requests, name, signal);
  }

  putManifest(name: ModelName, manifest: Manifest, signal: AbortSignal): Promise<void> {
    return putManifest(this.requests, name, manifest, signal);
  }

  /** Whether a success is about this blob: by its header, or because it is found. */
  async #isThere(
    name: ModelName,
    blob: Descriptor,
    headers: Headers,
    signal: AbortSignal,
  ): Promise<boolean> {
    return headers.get("docker-content-digest") === blob.digest ||
      await this.has(name, blob, signal);
  }

  #refusal(name: ModelName, final: FinalResponse, what: string): Promise<PullamaError> {
    return this.requests.refusal(name, final, what);
  }

  [Symbol.dispose](): void {
    this.requests[Symbol.dispose]();
  }
}

function bodyOf({ range, open }: UploadPart) {
  return { length: range.end - range.start, open };
}

function nameOf({ digest }: Descriptor): string {
  return `blob ${shortId(digest)}`;
}
