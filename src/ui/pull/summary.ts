/** The results of a pull or a dry run as text. */

import { shortId } from "../../core/digest.ts";
import type { DryRun, DryRunBlob, Summary } from "../../core/events.ts";
import { displayName, fullName, type ModelName } from "../../core/name.ts";
import { formatDuration, formatRate, formatSize } from "../../core/units.ts";
import type { Glyphs } from "../terminal/draw.ts";
import { oneLine, showable } from "../text/redact.ts";
import type { RenderOptions } from "./renderer.ts";
import { counted, grouped } from "../text/numbers.ts";
import { type Step } from "./step_text.ts";
import { PULL, type Verb } from "./verb.ts";

/** Blobs that a dry run lists; the others are added up. */
const LISTED = 20;

/** The title above the lines of a pull. */
export function titleOf(name: ModelName, options: RenderOptions, g: Glyphs): string {
  const { dryRun, place, verb = PULL } = options;
  const which = place?.();
  const title = `${dryRun ? "would pull" : verb.doing} ${displayName(name)}`;
  return which === undefined ? title : `${title}${g.separator}${which}`;
}

/** The rows of the closing box. `problems`: retries and stalls, if there were any. */
export function summaryRows(summary: Summary, problems: string | undefined, verb: Verb): string[] {
  const rate = averageRate(summary);
  return [
    `size ${formatSize(summary.size)}`,
    `${verb.bytes} ${formatSize(summary.fetched)}`,
    `blobs ${grouped(summary.blobs)}`,
    `elapsed ${formatDuration(summary.elapsedMs)}`,
    ...(rate === undefined ? [] : [`avg rate ${rate}`]),
    ...sourcesOf(summary).map((source) => `from ${source}`),
    ...(summary.freed === undefined ? [] : [`freed ${formatSize(summary.freed)}`]),
    ...(problems === undefined ? [] : [`problems ${problems}`]),
    `ID ${shortId(summary.digest)}`,
  ];
}

/** The same on one line, for a log. */
export function summaryLine(
  summary: Summary,
  problems: string | undefined,
  g: Glyphs,
  verb: Verb = PULL,
): string {
  const rate = averageRate(summary);
  return [
    `${verb.done} ${displayName(summary.name)}`,
    formatSize(summary.size),
    counted(summary.blobs, "blob"),
    ...(summary.fetched === summary.size ? [] : [`${formatSize(summary.fetched)} ${verb.bytes}`]),
    formatDuration(summary.elapsedMs),
    ...(rate === undefined ? [] : [rate]),
    ...sourcesOf(summary).map((source) => `from ${source}`),
    ...(summary.freed === undefined ? [] : [`${formatSize(summary.freed)} freed`]),
    ...(problems === undefined ? [] : [problems]),
    shortId(summary.digest),
  ].join(g.separator);
}

/** The one line of `--quiet`. */
export function quietLine(summary: Summary, g: Glyphs, verb: Verb): string {
  return [
    `${verb.done} ${displayName(summary.name)}`,
    formatSize(summary.size),
    shortId(summary.digest),
  ].join(g.separator);
}

/** The result of a dry run on one line. */
export function dryRunLine(result: DryRun, g: Glyphs): string {
  return [
    `${displayName(result.name)} would download ${formatSize(result.toFetch)} of ${
      formatSize(result.size)
    }`,
    shortId(result.digest),
    spaceText(result),
  ].join(g.separator);
}

/** The result of a dry run, blob by blob. */
export function dryRunSteps(result: DryRun, g: Glyphs): Step[] {
  const listed = new Set(
    result.blobs.toSorted((a, b) => b.size - a.size).slice(0, LISTED),
  );
  const others = result.blobs.filter((blob) => !listed.has(blob));
  const free = result.free === undefined ? [] : [`${formatSize(result.free)} free`];
  return [
    { mark: "note", text: originOf(result) },
    ...result.blobs.filter((blob) => listed.has(blob)).map((blob) => dryRunStep(blob, g)),
    ...(others.length === 0 ? [] : [othersStep(others, g)]),
    {
      mark: "note",
      text: [
        `${formatSize(result.toFetch)} of ${formatSize(result.size)} to download`,
        `${formatSize(result.cached)} cached`,
      ].join(g.separator),
    },
    {
      mark: result.fits ? "done" : "problem",
      text: [spaceText(result), ...free].join(g.separator),
    },
  ];
}

/** Where the model is from, and which sources its blobs are requested from. */
function originOf({ name, from }: DryRun): string {
  const asked = from === undefined ? "" : `, blobs from ${from.map(showable).join(", then ")}`;
  return `from ${fullName(name)}${asked}`;
}

function dryRunStep(blob: DryRunBlob, g: Glyphs): Step {
  const text = [`${shortId(blob.digest)} ${formatSize(blob.size)}`, kindOf(blob.mediaType)]
    .join(g.separator);
  if (blob.cached >= blob.size) return { mark: "cached", text: `cached ${text}` };
  const cached = blob.cached > 0 ? `${g.separator}${formatSize(blob.cached)} cached` : "";
  return { mark: "begin", text: `would download ${text}${cached}` };
}

/**
 * The last part of the media type, such as `model`; `config` for a config, whose last part is its
 * encoding.
 */
function kindOf(mediaType: string): string {
  const type = oneLine(mediaType);
  const config = /\.(?:container\.image|image\.config)\.[^.]+$/.test(type);
  return config ? "config" : type.split(".").at(-1) ?? "";
}

function othersStep(others: readonly DryRunBlob[], g: Glyphs): Step {
  const sum = (of: (blob: DryRunBlob) => number) =>
    formatSize(others.reduce((total, blob) => total + of(blob), 0));
  const text = [
    `${counted(others.length, "smaller blob")}`,
    sum((blob) => blob.size),
    `${sum((blob) => blob.cached)} cached`,
  ].join(g.separator);
  return { mark: "note", text };
}

function spaceText(result: DryRun): string {
  if (result.free === undefined && result.fits) return "free space unknown";
  return result.fits ? "enough disk space" : "not enough disk space";
}

/** How much came from which source, if there were several. */
function sourcesOf({ fetchedFrom = {} }: Summary): string[] {
  return Object.entries(fetchedFrom).filter(([_, bytes]) => bytes > 0)
    .map(([source, bytes]) => `${showable(source)} ${formatSize(bytes)}`);
}

/** Undefined if nothing was downloaded, or too quickly to measure. */
function averageRate(summary: Summary): string | undefined {
  if (summary.fetched === 0 || summary.elapsedMs <= 0) return undefined;
  return formatRate(summary.fetched / summary.elapsedMs * 1_000);
}
