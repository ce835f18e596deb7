/** The states that power cuts at all moments of a recorded run leave, each once. */

import { createHash } from "node:crypto";
import { randomNumbers } from "../random.ts";
import type { Fate, History, Node, State } from "./history.ts";
import type { Syscall } from "./syscalls.ts";

/** Of each moment so many states are drawn by chance, in addition to the extreme ones. */
const BY_CHANCE = 6;

const always = () => true;
const never = () => false;
/** The extremes; the first is also what a kill leaves. */
const FATES: readonly Fate[] = [
  { keepsName: always, keepsBlock: always, keepsLength: always },
  { keepsName: never, keepsBlock: never, keepsLength: never },
  // A rename before the content of the renamed file: as an empty file, or one of zeros.
  { keepsName: always, keepsBlock: never, keepsLength: never },
  { keepsName: always, keepsBlock: never, keepsLength: always },
  { keepsName: never, keepsBlock: always, keepsLength: always },
];

export interface Cut {
  readonly state: State;
  /** How many changes the run had made. */
  readonly step: number;
  /** The call before the cut. */
  readonly after: string;
}

/** Applies all calls; yields every state that was not seen before. `changed` is called after each change. */
export function* cutsOf(
  history: History,
  calls: readonly Syscall[],
  seed: number,
  changed: () => void,
): Iterable<Cut> {
  const random = randomNumbers(seed);
  const seen = new Set<string>();
  let step = 0;
  for (const call of calls) {
    if (!history.add(call)) continue;
    step++;
    changed();
    for (const fate of [...FATES, ...Array.from({ length: BY_CHANCE }, () => chance(random))]) {
      const state = history.afterPowerCut(fate);
      const key = keyOf(state);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { state, step, after: call.call };
    }
  }
}

/** Keeps some, with other odds each time: of the names each by itself, or all or none of a folder. */
function chance(random: () => number): Fate {
  const draw = (odds: number) => () => random() < odds;
  const odds = () => [0.1, 0.5, 0.9][Math.floor(random() * 3)]!;
  const keepsName = draw(odds());
  const folders = new Map<Node, boolean>();
  const keepsFolder = (folder: Node) => {
    const kept = folders.get(folder) ?? keepsName();
    folders.set(folder, kept);
    return kept;
  };
  return {
    keepsName: random() < 0.5 ? keepsName : keepsFolder,
    keepsBlock: draw(odds()),
    keepsLength: draw(0.5),
  };
}

function keyOf(state: State): string {
  const hash = createHash("sha1");
  for (const [path, content] of state) {
    hash.update(`${path.length}:${path}:${content.length}:`).update(content);
  }
  return hash.digest("hex");
}
