/** Draws throughput over time as SVG, one curve for each program. */

import type { Sample } from "./samples.ts";

export interface Curve {
  readonly name: string;
  /** How long it took: "24.1 s". */
  readonly took: string;
  /** False if it was ended before it had everything. */
  readonly complete: boolean;
  readonly samples: readonly Sample[];
}

export interface Plot {
  readonly title: string;
  /** Bytes per second that the network allows at most. */
  readonly limit: number;
  readonly curves: readonly Curve[];
}

const MB = 1e6;
const WIDTH = 800;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = WIDTH - 20;
const TOP = 84;
const BOTTOM = HEIGHT - 50;

/** Rates are means over so many seconds. */
const WINDOW = 1;

/** Colors that differ in lightness too, and dashes, so that color is not needed. */
const STYLES = [
  { light: "#0059b3", dark: "#6cb6ff", dash: "none" },
  { light: "#c2410c", dark: "#ff9b5a", dash: "7 3" },
  { light: "#15803d", dark: "#5fd38a", dash: "2 3" },
];

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The SVG text of a plot. */
export function drawPlot({ title, limit, curves }: Plot): string {
  const lines = curves.map(ratesOf);
  const right = Math.ceil(Math.max(1, ...lines.flat().map(({ x }) => x)));
  const highest = Math.max(limit / MB, ...lines.flat().map(({ y }) => y));
  const xs = ticks(right);
  const ys = ticks(highest * 1.05);
  const top = ys.at(-1)!;
  const x = (seconds: number) => round(LEFT + seconds / right * (RIGHT - LEFT));
  const y = (rate: number) => round(BOTTOM - rate / top * (BOTTOM - TOP));
  const parts = [
    `<title>${escaped(title)}</title>`,
    `<style>${styleSheet()}</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="26">${escaped(title)}</text>`,
    ...ys.map((rate) => horizontal(y(rate), String(rate))),
    ...xs.filter((seconds) => seconds <= right).map((seconds) => vertical(x(seconds), seconds)),
    `<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">seconds</text>`,
    `<text transform="translate(16 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">` +
    `MB/s, mean over ${WINDOW} s</text>`,
    `<path class="limit" d="M${LEFT} ${y(limit / MB)}H${RIGHT}"/>`,
    ...lines.map((points, k) => {
      const corners = points.map((point) => `${x(point.x)} ${y(point.y)}`).join("L");
      return points.length === 0 ? "" : `<path class="curve c${k}" d="M${corners}"/>`;
    }),
    ...legend(curves),
  ];
  const box = `viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`;
  const label = `role="img" aria-label="${escaped(title)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} ${label}>\n${parts.join("\n")}\n</svg>\n`;
}

/** Mean rates in MB/s around each sample; the last point is 0, where the program is through. */
function ratesOf({ samples, complete }: Curve): Point[] {
  const points = samples.map(({ seconds }) => {
    const first = samples.find((one) => one.seconds >= seconds - WINDOW / 2)!;
    const last = samples.findLast((one) => one.seconds <= seconds + WINDOW / 2)!;
    const span = last.seconds - first.seconds;
    return { x: seconds, y: span > 0 ? (last.bytes - first.bytes) / span / MB : 0 };
  });
  const end = points.at(-1);
  return end && complete ? [...points, { x: end.x, y: 0 }] : points;
}

/** Round numbers from 0 to at least `most`, about six of them. */
function ticks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 6));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => most / step <= 6)!;
  return Array.from(
    { length: Math.ceil(most / step) + 1 },
    (_, k) => Number((k * step).toFixed(3)),
  );
}

function horizontal(y: number, text: string): string {
  return `<path class="grid" d="M${LEFT} ${y}H${RIGHT}"/>` +
    `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${text}</text>`;
}

function vertical(x: number, seconds: number): string {
  return `<path class="grid" d="M${x} ${TOP}V${BOTTOM}"/>` +
    `<text x="${x}" y="${BOTTOM + 18}" text-anchor="middle">${seconds}</text>`;
}

function legend(curves: readonly Curve[]): string[] {
  const entries = [
    ...curves.map(({ name, took }, k) => ({ kind: `curve c${k}`, text: `${name}, ${took}` })),
    { kind: "limit", text: "limit of the network" },
  ];
  return entries.map(({ kind, text }, k) => {
    const x = LEFT + k * (RIGHT - LEFT) / entries.length;
    return `<path class="${kind}" d="M${x} 52h26"/>` +
      `<text x="${x + 34}" y="56">${escaped(text)}</text>`;
  });
}

function styleSheet(): string {
  const colors = (mode: "light" | "dark") =>
    STYLES.map((style, k) => `.c${k}{stroke:${style[mode]}}`).join("");
  const dashes = STYLES.map(({ dash }, k) => `.c${k}{stroke-dasharray:${dash}}`).join("");
  return "text{font:13px ui-sans-serif,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}" +
    ".title{font-size:15px;font-weight:600}.back{fill:#fff}.grid{stroke:#d1d9e0;fill:none}" +
    ".limit{stroke:#59636e;stroke-dasharray:12 4;fill:none}" +
    `.curve{stroke-width:2;stroke-linejoin:round;fill:none}${dashes}${colors("light")}` +
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.back{fill:#0d1117}" +
    `.grid{stroke:#30363d}.limit{stroke:#9198a1}${colors("dark")}}`;
}

function round(pixels: number): number {
  return Number(pixels.toFixed(1));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
