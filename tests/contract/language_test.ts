/** Plain language: words that users and contributors would not search for stay out of the source. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { filesBelow } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** With the words of the field in their place. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\b(?:nobody|somebody|anybody)\b/i, "no process, another process, everyone"],
  [/\bwhoever\b/i, "the caller, a process that"],
  [/\b(?:go|goes|going) on\b/i, "continue, resume"],
  [/\bany more\b/i, "no longer"],
  [/\bpatience\b/i, "timeout, retry, backoff"],
  [/\btroubles?\b/i, "problem, error"],
  [/\bcom(?:e|es|ing) by\b/i, "obtain"],
  [/\bat work on\b/i, "using, running"],
  [/\bis in the way\b/i, "exists"],
  [/\bbrought\b/i, "received"],
  [/\bwho asks\b/i, "authentication"],
  [/\bof (?:its|their) own accord\b/i, "by itself"],
  [/\bthe line is (?:gone|down|back)\b/i, "the network is down"],
  [/\bfetched again\b/i, "downloaded again"],
];

Deno.test("the source uses the words of the field", () => {
  const found = filesBelow("src").flatMap((path) =>
    Deno.readTextFileSync(`${ROOT}/${path}`).split("\n").flatMap((line, i) =>
      BANNED.filter(([banned]) => banned.test(line))
        .map(([banned, instead]) =>
          `${path}:${i + 1} "${line.match(banned)![0]}": write ${instead}`
        )
    )
  );
  assert.deepEqual(found, []);
});
