/** Checks the model: its manifest, the disk space, and the source and speed of its largest blob. */

import type { Source } from "../../core/content.ts";
import { shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { assertModel, type Descriptor, distinctBlobs, manifestSize } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { formatDuration, formatRate, formatSize } from "../../core/units.ts";
import { Deadline } from "../../io/abort.ts";
import type { Hosts } from "./hosts.ts";
import { countBytes } from "./count_bytes.ts";
import type { Finding, Step } from "./run.ts";

export interface ModelOptions {
  readonly name: ModelName;
  readonly source: Pick<Source, "manifest" | "open">;
  readonly hosts: Hosts;
  /** Checks that all of these fit on the disk. Throws `disk_full`. */
  readonly room: (blobs: readonly Descriptor[]) => Promise<Finding>;
  /** Time limit of the measurement in milliseconds. */
  readonly speedMs: number;
}

/** The bytes requested to test ranges, and to measure the speed. */
const RANGE = 1 << 16;
const MEASURED = 4_000_000;
/** In bytes per second: a pull treats slower connections as stalled. */
const SLOWEST = 1000;

const CHECK_REGISTRY =
  "try again later; if that does not help, contact the registry's administrator";
const CHECK_BLOBS = "try again later; firewalls and proxies have to allow the blob hosts as well";
const NO_BLOB = { skipped: "the model has no blobs" };

/** The steps `manifest`, `space`, `redirect`, `range` and `speed`. */
export function modelSteps(options: ModelOptions): Step[] {
  const { name, source, hosts, room, speedMs } = options;
  let blobs: readonly Descriptor[] = [];
  let size = 0;
  const largest = () => blobs.findLast((blob) => blob.size > 0);
  return [
    {
      name: "manifest",
      needs: ["proxy", "dns", "tcp", "tls"],
      late: "no complete manifest received",
      remedy: CHECK_REGISTRY,
      async check(signal) {
        const manifest = await source.manifest(name, signal);
        assertModel(manifest);
        blobs = distinctBlobs(manifest);
        size = manifestSize(manifest);
        return {
          found: [
            shortId(manifest.digest),
            formatSize(size),
            `${blobs.length} ${blobs.length === 1 ? "blob" : "blobs"}`,
            hosts.authRequired ? "authenticated" : "no authentication needed",
          ],
        };
      },
    },
    {
      name: "space",
      needs: ["folder", "manifest"],
      late: "no response from the file system",
      remedy: "check the disk, or choose another folder with --models-dir",
      check: () => room(blobs),
    },
    {
      name: "redirect",
      needs: ["manifest"],
      late: "no data received for the largest blob",
      remedy: CHECK_BLOBS,
      async check(signal) {
        const blob = largest();
        if (!blob) return NO_BLOB;
        hosts.blobs();
        const { stream } = await source.open(name, blob, { start: 0, end: 1 }, signal);
        await stream.cancel();
        const { elsewhere } = hosts;
        return {
          found: [
            elsewhere
              ? `blobs come from ${elsewhere}`
              : "no redirect: blobs come from the registry",
          ],
        };
      },
    },
    {
      name: "range",
      needs: ["redirect"],
      late: "the requested range of the largest blob was not received",
      remedy: CHECK_BLOBS,
      async check(signal) {
        const blob = largest();
        if (!blob) return NO_BLOB;
        if (blob.size === 1) return { skipped: "the largest blob has only one byte" };
        const start = Math.floor(blob.size / 2);
        const requested = { start, end: Math.min(blob.size, start + RANGE) };
        const { stream, range, ranged } = await source.open(name, blob, requested, signal);
        if (!ranged) {
          await stream.cancel();
          throw ignoresRanges(hosts.last);
        }
        const length = range.end - range.start;
        const { bytes } = await countBytes(stream, length, hosts.last);
        if (bytes < length) throw cutShort(hosts.last, bytes, length);
        return { found: [`206 with bytes ${range.start} to ${range.end - 1}, as requested`] };
      },
    },
    {
      name: "speed",
      needs: ["redirect"],
      late: "no data received",
      remedy: CHECK_BLOBS,
      // Longer than the measurement, which has its own limit.
      limitMs: speedMs + 1000,
      async check(caller) {
        const blob = largest();
        if (!blob) return NO_BLOB;
        using attempt = new Deadline(caller, speedMs, `no data received from ${hosts.last}`);
        const { signal } = attempt;
        const requested = { start: 0, end: Math.min(blob.size, MEASURED) };
        const { stream } = await source.open(name, blob, requested, signal);
        const { bytes, ms } = await countBytes(stream, requested.end, hosts.last, signal);
        const rate = bytes / Math.max(1, ms) * 1000;
        if (bytes < requested.end && !signal.aborted) {
          throw cutShort(hosts.last, bytes, requested.end);
        }
        if (bytes < requested.end && rate < SLOWEST) throw tooSlow(hosts.last, bytes, ms);
        return {
          found: [
            formatRate(rate),
            `${formatSize(bytes)} in ${formatDuration(ms)}`,
            `${formatSize(size)} would take ${formatDuration(size / rate * 1000)}`,
          ],
        };
      },
    },
  ];
}

function ignoresRanges(host: string): PullamaError {
  return new PullamaError("protocol", `${host} ignores range requests and sends the whole blob`, {
    hint:
      "a pull works, but over one connection, and starts over when that is interrupted: check the " +
      "proxy or cache in between, or contact the registry's administrator",
  });
}

function cutShort(host: string, bytes: number, wanted: number): PullamaError {
  return new PullamaError("network", `${host} sent only ${bytes} of ${wanted} bytes`, {
    hint: "a pull resumes after the last byte; if this happens often, check the network in between",
  });
}

function tooSlow(host: string, bytes: number, ms: number): PullamaError {
  const message = `${host} sent only ${formatSize(bytes)} in ${formatDuration(ms)}`;
  return new PullamaError("timeout", message, {
    hint: "a pull treats such a connection as stalled: check the network in between",
  });
}
