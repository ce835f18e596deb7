/** Numbers, counts and short durations as text. */

/** A count with its noun, such as `1,234 blobs`. */
export function counted(count: number, thing: string): string {
  return `${grouped(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/** A whole number with thousands separators. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A whole number, rounded down; 100 only if `part` is all of `whole`. */
export function percentOf(part: number, whole: number): number {
  return part >= whole ? 100 : Math.floor(part / whole * 100);
}

/** A duration in milliseconds as seconds: `0.5 s`, `12 s`. */
export function seconds(ms: number): string {
  return ms < 9_950 ? `${Number((ms / 1_000).toFixed(1))} s` : `${Math.round(ms / 1_000)} s`;
}
