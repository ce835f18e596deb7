/** `--output json`: one object per line. docs/json-events.md lists them; the list only grows. */

import type { BlobRef, DryRun, PullEvent, Summary } from "../../core/events.ts";
import { exitCodeOf, type PullamaError } from "../../core/errors.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import { foldProgress } from "../progress/progress.ts";
import { jsonText } from "../text/json.ts";
import { oneLine, redact } from "../text/redact.ts";
import type { Clock } from "../terminal/clock.ts";
import { isEnd } from "./quiet.ts";
import type { Renderer } from "./renderer.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Limits `progress` events, and likewise `verifying` events, to ten per second. */
const EVERY_MS = 100;

type Fields = Readonly<Record<string, unknown>>;

export function jsonRenderer(out: Terminal, clock: Clock): Renderer {
  const progress = foldProgress(clock);
  let progressAt = -Infinity;
  let verifyingAt = -Infinity;
  /** A pull has started and has not ended: what is known of the one before says nothing of a name that is invalid. */
  let pulling = false;

  /** Fields that are undefined are left out. */
  function lineOf(event: string, fields: Fields): string {
    const time = clock.date().toISOString();
    return jsonText({ event, time, ...fields });
  }

  function line(event: string, fields: Fields): void {
    out.write(lineOf(event, fields));
  }

  function progressLine(): string {
    if (!pulling || progress.total === undefined) return "";
    progressAt = clock.now();
    const rate = progress.rate();
    const eta = progress.etaMs();
    return lineOf("progress", {
      pct: progress.percent,
      OverallDone: progress.done,
      OverallTotal: progress.total,
      BytesPerSecond: rate === undefined ? undefined : Math.round(rate),
      ETASeconds: eta === undefined ? undefined : Math.round(eta / 1_000),
    });
  }

  function event(event: PullEvent): void {
    progress.fold(event);
    if (event.event === "pull_start") pulling = true;
    show(event);
    if (isEnd(event)) pulling = false;
  }

  function show(event: PullEvent): void {
    const name = event.event;
    switch (name) {
      case "pull_start":
        return line(name, nameFields(event.name));
      case "manifest":
        line(name, {
          BlobCount: event.blobs,
          TotalSize: event.size,
          KeptBytes: event.kept,
          Digest: event.digest,
          Replaces: event.replaces,
          From: event.from,
        });
        return out.write(progressLine());
      case "bytes":
        if (clock.now() - progressAt >= EVERY_MS) out.progress(progressLine());
        return;
      case "blob_cached":
        return line(name, blobFields(event.blob));
      case "blob_start":
        return line(name, { ...blobFields(event.blob), Kept: event.kept });
      case "blob_verified":
        return line(name, { ...blobFields(event.blob), ElapsedMs: whole(event.elapsedMs) });
      case "bytes_lost":
        return line(name, {
          Digest: event.digest,
          Bytes: event.count,
          Reason: safe(event.reason),
        });
      case "verifying": {
        const between = event.done > 0 && event.done < event.size;
        if (between && clock.now() - verifyingAt < EVERY_MS) return;
        verifyingAt = clock.now();
        return out.progress(
          lineOf(name, { Digest: event.digest, Done: event.done, Size: event.size }),
        );
      }
      case "retry":
        return line(name, {
          Digest: event.digest,
          Attempt: event.attempt,
          Limit: Number.isFinite(event.limit) ? event.limit : undefined,
          WaitMs: whole(event.waitMs),
          ...errorFields(event.error),
        });
      case "waiting":
        return line(name, { SinceMs: whole(event.sinceMs), ...errorFields(event.error) });
      case "stall":
        return line(name, {
          Digest: event.digest,
          SilentMs: whole(event.silentMs),
          SlowMs: event.slow?.ms,
        });
      case "lock_wait":
        return line(name, {
          Digest: event.digest,
          Holder: event.holder === undefined ? undefined : safe(event.holder),
        });
      case "checkpoint":
        return line(name, { Digest: event.digest, Proven: event.proven });
      case "chunk_start":
      case "chunk_end":
        return line(name, {
          Digest: event.digest,
          Start: event.range.start,
          End: event.range.end,
        });
      case "connections":
        return line(name, {
          Count: event.count,
          For: event.of === "range" ? "ranges" : "small blobs",
          Reason: event.reason,
        });
      case "pace":
        return line(name, {
          LimitBytesPerSecond: event.rate,
          From: event.from,
          Closed: event.closed,
          Until: event.until === undefined ? undefined : new Date(event.until).toISOString(),
        });
      case "request":
        return line(name, {
          Method: event.method,
          URL: safe(event.url),
          Status: event.status,
          ElapsedMs: whole(event.elapsedMs),
        });
      case "manifest_written":
        return line(name, { Digest: event.digest });
      case "note":
        return line(name, { Message: safe(event.message) });
      case "warning":
        return line(name, { Message: safe(event.message), Hint: event.hint });
      case "dry_run":
        return line(name, dryRunFields(event.result));
      case "pull_completed":
        out.write(progressLine());
        return line(name, completedFields(event.summary));
      case "pull_interrupted":
        out.write(progressLine());
        return line(name, {
          ...nameFields(event.name),
          KeptBytes: event.kept,
          TotalBytes: event.size,
        });
      case "pull_failed":
        out.write(progressLine());
        return line(name, {
          ...(event.name === undefined ? { Model: safe(event.given) } : nameFields(event.name)),
          ExitCode: exitCodeOf(event.error.kind),
          ...errorFields(event.error),
        });
      default:
        return event satisfies never;
    }
  }

  return { event, close: () => {} };
}

function nameFields(name: ModelName): Fields {
  return { Model: name.model, Tag: name.tag, Name: fullName(name) };
}

function blobFields(blob: BlobRef): Fields {
  return { Digest: blob.digest, Size: blob.size, Index: blob.index, BlobCount: blob.count };
}

function errorFields(error: PullamaError): Fields {
  return { Kind: error.kind, Message: safe(error.message), Hint: error.hint };
}

function completedFields(summary: Summary): Fields {
  return {
    ...nameFields(summary.name),
    Digest: summary.digest,
    BlobCount: summary.blobs,
    TotalBytes: summary.size,
    FetchedBytes: summary.fetched,
    FetchedFrom: summary.fetchedFrom,
    FreedBytes: summary.freed,
    ElapsedMs: whole(summary.elapsedMs),
  };
}

function dryRunFields(result: DryRun): Fields {
  return {
    ...nameFields(result.name),
    Digest: result.digest,
    BlobCount: result.blobs.length,
    TotalSize: result.size,
    CachedBytes: result.cached,
    ToFetchBytes: result.toFetch,
    FreeBytes: result.free,
    Fits: result.fits,
    From: result.from,
    Blobs: result.blobs.map((blob) => ({
      Digest: blob.digest,
      Size: blob.size,
      MediaType: oneLine(blob.mediaType),
      Cached: blob.cached,
    })),
  };
}

function safe(text: string): string {
  return oneLine(redact(text));
}

function whole(ms: number): number {
  return Math.round(ms);
}
