/** What tests draw by chance, and how much of it. */

import { randomNumbers } from "./random.ts";

/** The seed of everything that is drawn: PULLAMA_SEED, else another one each time. */
export const SEED: number = Number(
  Deno.env.get("PULLAMA_SEED") ?? Math.floor(Math.random() * 2 ** 31),
);

/** Whether these are the long tests, and whether they may take hours: then nothing is left to chance. */
export const THOROUGH: boolean = !!Deno.env.get("PULLAMA_SOAK");
export const WHOLE: boolean = Deno.env.get("PULLAMA_SOAK") === "whole";

const random = randomNumbers(SEED);

/** About this share of `all`, at least one; all where nothing is left to chance. */
export function drawn<T>(all: readonly T[], share: number): readonly T[] {
  if (WHOLE) return all;
  const some = all.filter(() => random() < share);
  return some.length > 0 ? some : all.slice(0, 1);
}

/** About this share of `all`, at least one; in the long tests all. */
export function some<T>(all: readonly T[], share: number): readonly T[] {
  return THOROUGH ? all : drawn(all, share);
}
