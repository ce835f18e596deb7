/**
 * Makes docs/pullama.svg, the picture in README.md, from a real pull:
 *
 *     deno run --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys docs/picture.ts
 *
 * A model comes from a registry on this machine into a real terminal; the pull is interrupted, goes on, one server
 * is too busy for a moment, and about half way the screen is drawn. Leaves nothing else behind.
 */

import { makeModel } from "../tests/fakes/model.ts";
import { startRegistry } from "../tests/fakes/registry.ts";
import { cacheOfDeno, pullamaCommand } from "../tests/real/program.ts";
import { Pty } from "../tests/real/pty.ts";
import type { Run, Screen } from "../tests/ui/screen.ts";

const MB = 1_000_000;
const COLUMNS = 84;
const ROWS = 24;
const SIZES = [210 * MB, 120 * MB, 60 * MB];
const BYTES_PER_SECOND = 20 * MB;
/** Of the whole: where the first run ends, and where the second one is drawn. */
const INTERRUPTED = 30;
const DRAWN = 50;

/** Cells of the picture in pixels. */
const CELL = { width: 8.4, height: 18, size: 14 };
const MARGIN = 14;
const BACKGROUND = "#0d1117";
const FOREGROUND = "#e6edf3";
const EMPTY = ' opacity=".18"';
/** Of the eight colours those that are used. */
const COLORS: Readonly<Record<number, string>> = { 1: "#ff7b72", 2: "#3fb950", 6: "#39c5cf" };

const folder = await Deno.makeTempDir({ prefix: "pullama-picture-" });
try {
  await Deno.writeTextFile(new URL("pullama.svg", import.meta.url), await picture(folder));
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function picture(home: string): Promise<string> {
  await using registry = await startRegistry({ port: 5000, bytesPerSecond: BYTES_PER_SECOND });
  const { layers, config } = makeModel({ size: SIZES[0]! });
  const more = SIZES.slice(1).map((size, i) => ({
    ...layers[0]!,
    content: makeModel({ size, seed: i + 2 }).weights,
  }));
  const model = registry.add("library/llama3.2:latest", { layers: [...layers, ...more], config });
  const start = () => {
    const argv = [model.name, "--insecure"];
    const env = { HOME: home, OLLAMA_MODELS: `${home}/models`, ...cacheOfDeno() };
    return new Pty([...pullamaCommand(), ...argv], { columns: COLUMNS, rows: ROWS, env });
  };
  await using first = start();
  await first.until((screen) => percent(screen) >= INTERRUPTED);
  await first.type("\x03");
  await first.ended();

  let refusals = 1;
  registry.faults.data = () =>
    refusals-- > 0 ? { status: 429, headers: { "retry-after": "2" } } : undefined;
  await using second = start();
  await second.until((screen) => percent(screen) >= DRAWN);
  return svg(`pullama ${model.name} --insecure`, second.screen.painted);
}

function percent(screen: Screen): number {
  const bar = screen.lines.find((line) => line.startsWith("│ ["));
  return Number(/(\d+)%/.exec(bar ?? "")?.[1] ?? 0);
}

/** A terminal with what was typed in its first row, and the rows that have something in them. */
function svg(typed: string, rows: readonly (readonly Run[])[]): string {
  const used = rows.findLastIndex((row) => row.some(({ text }) => text.trim() !== "")) + 1;
  const prompt: Run[] = [
    { column: 0, cells: 2, text: "$ ", color: undefined, bold: false, dim: true },
    { column: 2, cells: typed.length, text: typed, color: undefined, bold: false, dim: false },
  ];
  const shown = [prompt, ...rows.slice(0, used)];
  const width = 2 * MARGIN + COLUMNS * CELL.width;
  const height = 2 * MARGIN + shown.length * CELL.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="ui-monospace,Menlo,Consolas,monospace" ` +
    `font-size="${CELL.size}" fill="${FOREGROUND}" role="img" ` +
    `aria-label="A pull in a terminal: a bar for everything and one for each blob">`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    ...shown.flatMap((runs, y) => runs.flatMap((run) => drawn(run, y))),
    "</svg>",
    "",
  ].join("\n");
}

/** Blocks of a bar as shapes, since fonts leave gaps between them; everything else as text. */
function drawn({ column, text, color, bold, dim }: Run, y: number): string[] {
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
