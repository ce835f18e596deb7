/** Numbers, counts and short times as text. */

/** A number of things, with its digits in groups of three. */
export function counted(count: number, thing: string): string {
  return `${grouped(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/** A whole number with its digits in groups of three. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A whole number; 100 only for everything. */
export function percentOf(part: number, whole: number): number {
  return part >= whole ? 100 : Math.floor(part / whole * 100);
}

/** A short time as it is spoken: `0.5 s`, `12 s`. Milliseconds in. */
export function seconds(ms: number): string {
  return ms < 9_950 ? `${Number((ms / 1_000).toFixed(1))} s` : `${Math.round(ms / 1_000)} s`;
}
