/** The figures of killed downloads as a table. */

import type { Toll } from "./killing.ts";

const MIB = 1024 * 1024;

export interface Row {
  readonly name: string;
  readonly toll: Toll;
}

/** A table in Markdown: MiB that were downloaded twice for each kill. */
export function tableOf(rows: readonly Row[]): string {
  const head = ["", "kills", "models", "median", "p99", "max", "seconds"];
  const lines = rows.map(({ name, toll: { kills, models, twice, seconds } }) => {
    const sorted = twice.toSorted((a, b) => a - b);
    const at = (share: number) =>
      ((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) / MIB)
        .toFixed(2);
    return [name, kills, models, at(0.5), at(0.99), at(1), seconds.toFixed(0)];
  });
  const written = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [written(head), written(head.map(() => "---")), ...lines.map(written)].join("\n");
}
