import assert from "node:assert/strict";
import { agoText, momentText } from "../../../src/ui/text/age.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

Deno.test("agoText() formats ages as `ollama list` does", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "Less than a second ago"],
    [999, "Less than a second ago"],
    [SECOND, "1 second ago"],
    [59.9 * SECOND, "59 seconds ago"],
    [MINUTE, "About a minute ago"],
    [119 * SECOND, "About a minute ago"],
    [2 * MINUTE, "2 minutes ago"],
    [59.9 * MINUTE, "59 minutes ago"],
    [HOUR, "About an hour ago"],
    [89 * MINUTE, "About an hour ago"],
    [90 * MINUTE, "2 hours ago"],
    [47.4 * HOUR, "47 hours ago"],
    [47.5 * HOUR, "2 days ago"],
    [13.9 * DAY, "13 days ago"],
    [14 * DAY, "2 weeks ago"],
    [59 * DAY, "8 weeks ago"],
    [60 * DAY, "2 months ago"],
    [729 * DAY, "24 months ago"],
    [730 * DAY, "2 years ago"],
    [-500, "Less than a second from now"],
    [-3 * HOUR, "3 hours from now"],
    [-20 * 365 * DAY, "20 years from now"],
    [-21 * 365 * DAY, "Forever"],
  ];
  for (const [ms, text] of cases) assert.equal(agoText(ms), text);
});

Deno.test("momentText() is RFC 3339 in UTC, to the second", () => {
  assert.equal(momentText(Date.UTC(2026, 1, 3, 4, 5, 6, 789)), "2026-02-03T04:05:06Z");
});
