/** Puts something into a models folder, and does there whatever a user may do. */

import assert from "node:assert/strict";
import { PLACES, plant } from "./planting.ts";
import { type Company, type Roles, SharedPlace } from "./users.ts";

export const LIMIT_MS = 10_000;
const MOST_MEMORY = 250 * 2 ** 20;

/** What may be asked of the program. */
function actions({ whole, half }: Company): string[][] {
  return [
    ["list"],
    ["show", whole.name],
    ["queue", "add", "other"],
    ["pull", whole.name, "--insecure"],
    ["pull", half.name, "--insecure"],
    ["doctor", whole.name, "--insecure"],
    ["cp", whole.name, "/proc/pullama"],
    ["limit", "100M"],
    ["status"],
    ["limit", "off"],
    ["serve", "--share", whole.name, "--listen", "192.0.2.1:0"],
    ["push", whole.name, "--to", "127.0.0.1:1", "--max-retries", "0", "--insecure"],
    ["prune", "--all"],
    ["clean"],
    ["rm", whole.name],
  ];
}

/**
 * Plants one kind of file in one place, and runs everything there: foreign files stay as they are, and the program ends
 * soon, with one sentence.
 */
export async function attack(
  place: string,
  kind: string,
  roles: Roles,
  around: Company,
): Promise<void> {
  await using at = await SharedPlace.make(roles, around);
  const path = PLACES[place]!(at.planted);
  if (plant(kind, path, at.victims)) at.give(path);
  assert.ok(at.untouched());
  for (const args of actions(around)) {
    const { code, out, err, memory, elapsedMs } = await at.run(args);
    const what = `${kind} in the place of ${place}: ${args.join(" ")}: ${out}${err}`;
    assert.ok(at.untouched(), what);
    assert.ok(elapsedMs < LIMIT_MS, what);
    assert.ok(memory < MOST_MEMORY, `${memory} bytes: ${what}`);
    assert.doesNotMatch(out + err, /this is a bug|\bat file:|Error:/, what);
    if (code !== 0 && args[0] !== "doctor") {
      assert.match(err, /^(?:warning: .+\n(?:hint: .+\n)?)*.+\n(?:hint: .+\n)?$/, what);
    }
  }
}
