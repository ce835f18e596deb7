/** The results on networks as Markdown tables. */

import type { Counts } from "./faulty_server.ts";
import { type Measured, median, middle } from "./measure.ts";

/** One run: what was measured, or why nothing was ("failed", "> 120"). */
export type Outcome =
  | { readonly measured: Measured; readonly counts: Counts | undefined }
  | { readonly failure: string };

/** All runs of one program in one scenario. */
export interface Row {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
}

export interface Comparison {
  readonly key: string;
  readonly title: string;
  /** Bytes of the model. */
  readonly size: number;
  /** Seconds at best; undefined if only the machine limits it. */
  readonly ideal: number | undefined;
  readonly rows: readonly Row[];
}

const HEADINGS = ["", "seconds", "to ideal", "CPU s", "peak MiB", "seconds of each round"];
const COUNTED = ["MB sent beyond", "most requests at a time", "refused"];
const MB = 1e6;

/** The table of one scenario; with what the server counted, if it did. */
export function comparisonTable({ key, title, size, ideal, rows }: Comparison): string {
  const counted = rows.some(({ outcomes }) => outcomes.some((one) => countsOf(one).length > 0));
  const best = ideal === undefined ? "" : `; at best ${ideal.toFixed(2)} s`;
  const body = rows.map(({ name, outcomes }) => {
    const runs = measuredOf(outcomes);
    const { cpu, rss } = runs.length > 0 ? median(runs) : { cpu: undefined, rss: undefined };
    return [
      name,
      ...time(outcomes, ideal),
      cpu?.toFixed(2) ?? "",
      rss?.toFixed(0) ?? "",
      outcomes.map(eachText).join(" "),
      ...(counted ? countTexts(outcomes.flatMap(countsOf), size) : []),
    ];
  });
  const headings = counted ? [...HEADINGS, ...COUNTED] : HEADINGS;
  return `**${key}**: ${title}${best}\n\n${table(headings, body)}`;
}

/** The last table: seconds and ratio to the ideal of each program in each scenario. */
export function summaryTable(comparisons: readonly Comparison[]): string {
  const names = [...new Set(comparisons.flatMap(({ rows }) => rows.map(({ name }) => name)))];
  const body = comparisons.map(({ key, ideal, rows }) => [
    key,
    ideal?.toFixed(2) ?? "",
    ...names.map((name) => {
      const row = rows.find((row) => row.name === name);
      if (!row) return "";
      const [seconds = "", ratio = ""] = time(row.outcomes, ideal);
      return ratio ? `${seconds} (${ratio})` : seconds;
    }),
  ]);
  return table(["", "at best, s", ...names], body);
}

function time(outcomes: readonly Outcome[], ideal: number | undefined): [string, string] {
  const failure = outcomes.find((one) => "failure" in one);
  if (failure) return [failure.failure, ""];
  const { wall } = median(measuredOf(outcomes));
  return [wall.toFixed(2), ideal === undefined ? "" : (wall / ideal).toFixed(2)];
}

function eachText(outcome: Outcome): string {
  return "failure" in outcome ? outcome.failure : outcome.measured.wall.toFixed(2);
}

function measuredOf(outcomes: readonly Outcome[]): Measured[] {
  return outcomes.flatMap((one) => "measured" in one ? [one.measured] : []);
}

function countsOf(outcome: Outcome): Counts[] {
  return "counts" in outcome && outcome.counts ? [outcome.counts] : [];
}

function countTexts(counts: readonly Counts[], size: number): string[] {
  if (counts.length === 0) return COUNTED.map(() => "");
  const beyond = middle(counts.map(({ sent }) => (sent - size) / MB));
  const most = Math.max(...counts.map(({ most }) => most));
  return [beyond.toFixed(1), String(most), String(middle(counts.map(({ refused }) => refused)))];
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, headings.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
