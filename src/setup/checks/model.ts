/** The model itself: its manifest, room for it, and where its largest blob comes from and how fast. */

import { shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, manifestSize } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { formatDuration, formatRate, formatSize } from "../../core/units.ts";
import { Deadline } from "../../io/deadline.ts";
import type { RegistrySource } from "../../registry/source.ts";
import type { Hosts } from "./hosts.ts";
import { countBytes } from "./count_bytes.ts";
import type { Finding, Step } from "./run.ts";

export interface ModelOptions {
  readonly name: ModelName;
  readonly source: RegistrySource;
  readonly hosts: Hosts;
  /** Whether all of these fit, in the words of a finding. Throws `disk_full`. */
  readonly room: (blobs: readonly Descriptor[]) => Promise<Finding>;
  /** Milliseconds that the measurement takes at most. */
  readonly speedMs: number;
}

/** Bytes that are asked for to see whether ranges work, and to measure. */
const RANGE = 1 << 16;
const MEASURED = 4_000_000;
/** Bytes a second: what is slower counts as a silent connection in a pull. */
const SLOWEST = 1000;

const CHECK_REGISTRY =
  "run it again in a while; if that does not help, tell those who run the registry";
const CHECK_BLOBS =
  "run it again in a while; a firewall and a proxy have to let the hosts of blobs through as well";
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
      late: "the manifest was not complete",
      remedy: CHECK_REGISTRY,
      async check(signal) {
        const manifest = await source.manifest(name, signal);
        blobs = distinctBlobs(manifest);
        size = manifestSize(manifest);
        return {
          found: [
            shortId(manifest.digest),
            formatSize(size),
            `${blobs.length} ${blobs.length === 1 ? "blob" : "blobs"}`,
            hosts.askedForLogin ? "after a login" : "no login needed",
          ],
        };
      },
    },
    {
      name: "space",
      needs: ["folder", "manifest"],
      late: "the file system has not answered",
      remedy: "look at the disk, or choose another folder with --models-dir",
      check: () => room(blobs),
    },
    {
      name: "redirect",
      needs: ["manifest"],
      late: "the registry has not sent anything of the largest blob",
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
            elsewhere ? `blobs come from ${elsewhere}` : "none: blobs come from the registry",
          ],
        };
      },
    },
    {
      name: "range",
      needs: ["redirect"],
      late: "the part of the largest blob was not complete",
      remedy: CHECK_BLOBS,
      async check(signal) {
        const blob = largest();
        if (!blob) return NO_BLOB;
        if (blob.size === 1) return { skipped: "a blob of one byte has no parts" };
        const start = Math.floor(blob.size / 2);
        const asked = { start, end: Math.min(blob.size, start + RANGE) };
        const { stream, range, ranged } = await source.open(name, blob, asked, signal);
        if (!ranged) {
          await stream.cancel();
          throw ignoresRanges(hosts.last);
        }
        const length = range.end - range.start;
        const { bytes } = await countBytes(stream, length, hosts.last);
        if (bytes < length) throw cutShort(hosts.last, bytes, length);
        return { found: [`206 with bytes ${range.start} to ${range.end - 1}, as asked for`] };
      },
    },
    {
      name: "speed",
      needs: ["redirect"],
      late: "nothing has come",
      remedy: CHECK_BLOBS,
      // The measurement ends by itself before that.
      limitMs: speedMs + 1000,
      async check(caller) {
        const blob = largest();
        if (!blob) return NO_BLOB;
        using attempt = new Deadline(caller, speedMs, `nothing has come from ${hosts.last}`);
        const { signal } = attempt;
        const asked = { start: 0, end: Math.min(blob.size, MEASURED) };
        const { stream } = await source.open(name, blob, asked, signal);
        const { bytes, ms } = await countBytes(stream, asked.end, hosts.last, signal);
        const rate = bytes / Math.max(1, ms) * 1000;
        if (bytes < asked.end && !signal.aborted) throw cutShort(hosts.last, bytes, asked.end);
        if (bytes < asked.end && rate < SLOWEST) throw tooSlow(hosts.last, bytes, ms);
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
  return new PullamaError("protocol", `${host} sends all of a blob when asked for a part of it`, {
    hint:
      "a pull works, but over one connection, and one that breaks off has to begin anew: look at " +
      "the proxy or cache in between, or tell those who run the registry",
  });
}

function cutShort(host: string, bytes: number, wanted: number): PullamaError {
  return new PullamaError("network", `${host} has sent ${bytes} of ${wanted} bytes`, {
    hint:
      "a pull goes on where it was cut off; if it happens often, look at the network in between",
  });
}

function tooSlow(host: string, bytes: number, ms: number): PullamaError {
  const message = `${host} has sent ${formatSize(bytes)} in ${formatDuration(ms)}`;
  return new PullamaError("timeout", message, {
    hint: "a pull takes such a connection for a dead one: look at the network in between",
  });
}
