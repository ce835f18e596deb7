/** `push`: the fields of its events, for `--output json`. docs/json-events.md lists them. */

import { exitCodeOf, type PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import type { PushEvent } from "../../core/reports/push.ts";
import { oneLine, redact } from "../text/redact.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an event; undefined: programs are not told. */
export function pushFields(event: PushEvent): Fields | undefined {
  switch (event.event) {
    case "push_start":
      return { ...nameFields(event.name), Place: event.place };
    case "push_manifest":
      return {
        Digest: event.digest,
        BlobCount: event.blobs,
        TotalSize: event.size,
        ThereBytes: event.there,
        Replaces: event.replaces,
      };
    case "upload_start":
      return { ...blobFields(event.blob), Kept: event.kept };
    case "blob_mounted":
      return { ...blobFields(event.blob), From: fullName(event.from) };
    case "blob_pushed":
      return { ...blobFields(event.blob), ElapsedMs: Math.round(event.elapsedMs) };
    case "upload_lost":
      return { Digest: event.blob.digest, Bytes: event.count };
    case "manifest_pushed":
      return { Digest: event.digest, WasThere: event.wasThere };
    case "push_completed": {
      const { name, place, digest, blobs, size, sent, mounted, elapsedMs } = event.summary;
      return {
        ...nameFields(name),
        Place: place,
        Digest: digest,
        BlobCount: blobs,
        TotalBytes: size,
        SentBytes: sent,
        MountedBytes: mounted,
        ElapsedMs: Math.round(elapsedMs),
      };
    }
    case "push_dry_run": {
      const { name, place, digest, blobs, size, toSend, mounted, all } = event.plan;
      return {
        ...nameFields(name),
        Place: place,
        Digest: digest,
        BlobCount: blobs,
        TotalSize: size,
        ToSendBytes: toSend,
        ToMountBytes: mounted,
        Blobs: all.map(({ blob, by }) => ({
          ...blobFields(blob),
          MediaType: oneLine(blob.mediaType),
          By: by,
        })),
      };
    }
    case "retry":
      return {
        Digest: event.digest,
        Attempt: event.attempt,
        Limit: Number.isFinite(event.limit) ? event.limit : undefined,
        WaitMs: Math.round(event.waitMs),
        ...errorFields(event.error),
      };
    case "waiting":
      return { SinceMs: Math.round(event.sinceMs), ...errorFields(event.error) };
    case "request":
      return {
        Method: event.method,
        URL: redact(event.url),
        Status: event.status,
        ElapsedMs: Math.round(event.elapsedMs),
      };
    case "note":
      return { Message: oneLine(redact(event.message)) };
    case "warning":
      return {
        Message: oneLine(redact(event.message)),
        Hint: event.hint && oneLine(redact(event.hint)),
      };
    case "bytes":
      return undefined;
    default:
      return event satisfies never;
  }
}

/** The fields of the event `push_failed`. */
export function pushFailedFields(name: ModelName, error: PullamaError): Fields {
  const { Kind, Message, Hint } = errorFields(error);
  return { ...nameFields(name), Kind, ExitCode: exitCodeOf(error.kind), Message, Hint };
}

function nameFields(name: ModelName) {
  return { Model: name.model, Tag: name.tag, Name: fullName(name) };
}

function blobFields({ digest, size }: Descriptor) {
  return { Digest: digest, Size: size };
}

function errorFields({ kind, message, hint }: PullamaError) {
  return {
    Kind: kind,
    Message: oneLine(redact(message)),
    Hint: hint === undefined ? undefined : oneLine(redact(hint)),
  };
}

/** The fields of the event `push_interrupted`. */
export function pushInterruptedFields(name: ModelName, kept: number): Fields {
  return { ...nameFields(name), KeptBytes: kept };
}
