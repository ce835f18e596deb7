/** Terminal screens as SVG: one of them, or a film of several. */

import type { Run } from "../tests/ui/screen.ts";

/** The rows that a window shows. */
export type Rows = readonly (readonly Run[])[];

/** What a window showed for some time. */
export interface Frame {
  readonly rows: Rows;
  readonly seconds: number;
}

/** Cells of the picture in pixels. */
const CELL = { width: 8.4, height: 18, size: 14 };
const MARGIN = 14;
const BACKGROUND = "#0d1117";
const FOREGROUND = "#e6edf3";
const EMPTY = ' opacity=".18"';
/** Of the eight colours those that are used. */
const COLORS: Readonly<Record<number, string>> = { 1: "#ff7b72", 2: "#3fb950", 6: "#39c5cf" };

/** A picture of one window. */
export function still(rows: Rows, columns: number, label: string): string {
  const drawn = rows.map((row, y) => drawRow(row, y).join("\n")).filter((row) => row !== "");
  return svg(drawn, columns, rows.length, label, "");
}

/**
 * A film without a script: each row that differs is shown at its times. Where nothing moves, because that is not
 * supported or not wanted, it is a picture of `resting`.
 */
export function film(
  frames: readonly Frame[],
  resting: Rows,
  columns: number,
  label: string,
): string {
  const height = Math.max(...frames.map(({ rows }) => rows.length));
  const total = frames.reduce((sum, { seconds }) => sum + seconds, 0);
  const styles: string[] = [];
  const drawn: string[] = [];
  for (let y = 0; y < height; y++) {
    const shown = frames.map(({ rows }) => drawRow(rows[y] ?? [], y).join("\n"));
    const rest = drawRow(resting[y] ?? [], y).join("\n");
    for (const row of new Set([...shown, rest])) {
      if (row === "") continue;
      const visible = shown.map((each) => each === row);
      if (visible.every(Boolean)) {
        drawn.push(row);
        continue;
      }
      const name = `r${styles.length}`;
      styles.push(
        `@keyframes ${name}{${keyframes(visible, frames, total)}}.${name}{animation-name:${name}}`,
      );
      const hidden = row === rest ? "" : ' visibility="hidden"';
      drawn.push(`<g class="m ${name}"${hidden}>`, row, "</g>");
    }
  }
  const style = `.m{animation-duration:${
    round(total)
  }s;animation-timing-function:step-end;animation-iteration-count:infinite}
@media (prefers-reduced-motion:reduce){.m{animation:none}}
${styles.join("\n")}`;
  return svg(drawn, columns, height, label, style);
}

/** Where a row appears and disappears, in percent of the film. */
function keyframes(visible: readonly boolean[], frames: readonly Frame[], total: number): string {
  let time = 0;
  let before: boolean | undefined;
  let text = "";
  for (const [i, { seconds }] of frames.entries()) {
    if (visible[i] !== before) {
      text += `${round(100 * time / total)}%{visibility:${visible[i] ? "visible" : "hidden"}}`;
    }
    before = visible[i];
    time += seconds;
  }
  return text;
}

function svg(
  drawn: readonly string[],
  columns: number,
  rows: number,
  label: string,
  style: string,
): string {
  const width = round(2 * MARGIN + columns * CELL.width);
  const height = 2 * MARGIN + rows * CELL.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="ui-monospace,Menlo,Consolas,monospace" ` +
    `font-size="${CELL.size}" fill="${FOREGROUND}" role="img" aria-label="${label}">`,
    ...(style === "" ? [] : [`<style>${style}</style>`]),
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function drawRow(runs: readonly Run[], y: number): string[] {
  return runs.flatMap((run) => drawRun(run, y));
}

/** Blocks of a bar as shapes, since fonts leave gaps between them; everything else as text. */
function drawRun({ column, text, color, bold, dim }: Run, y: number): string[] {
  const look = (color === undefined ? "" : ` fill="${COLORS[color] ?? FOREGROUND}"`) +
    (bold ? ' font-weight="bold"' : "") + (dim ? ' opacity=".6"' : "");
  const at = (cells: number) => round(MARGIN + cells * CELL.width);
  const top = MARGIN + y * CELL.height;
  return [...text.matchAll(/░+|█*[▏▎▍▌▋▊▉█]|[^█▏▎▍▌▋▊▉░]+/gu)].flatMap(([part], i, all) => {
    const begin = column + all.slice(0, i).reduce((sum, [before]) => sum + before.length, 0);
    if (part.trim() === "") return [];
    const block = "▏▎▍▌▋▊▉█".indexOf(part.at(-1)!);
    if (block >= 0 || part.startsWith("░")) {
      const cells = block >= 0 ? part.length - 1 + (block + 1) / 8 : part.length;
      const rect = (cells: number, shade: string) =>
        `<rect x="${at(begin)}" y="${top + 3}" width="${round(cells * CELL.width)}" ` +
        `height="${CELL.height - 6}"${shade}/>`;
      const empty = rect(part.length, EMPTY);
      return block >= 0 ? [empty, rect(cells, look)] : [empty];
    }
    const kept = part.trimEnd();
    const skipped = kept.length - kept.trimStart().length;
    const words = kept.trimStart().replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return [
      `<text x="${at(begin + skipped)}" y="${top + CELL.size}" ` +
      `textLength="${round((kept.length - skipped) * CELL.width)}" ` +
      `lengthAdjust="spacingAndGlyphs" xml:space="preserve"${look}>${words}</text>`,
    ];
  });
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
