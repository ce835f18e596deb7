import assert from "node:assert/strict";
import {
  isOpenAt,
  nextMinute,
  parseHours,
  parseTimetable,
  rateAt,
} from "../../../src/setup/pace/timetable.ts";
import { testWith } from "../../needs.ts";

/** A moment of a winter day, in local time. */
function at(time: string): Date {
  const [hours, minutes] = time.split(":").map(Number);
  return new Date(2026, 0, 15, hours, minutes);
}

Deno.test("parseTimetable() reads a rate, and others at some hours", () => {
  const table = parseTimetable("1M,01:00-07:00=off,22:00-1:00=500k");
  const rates = ["00:59", "01:00", "06:59", "07:00", "21:59", "22:00"].map((time) =>
    rateAt(table, at(time))
  );
  assert.deepEqual(rates, [500_000, undefined, undefined, 1_000_000, 1_000_000, 500_000]);
  assert.equal(rateAt(parseTimetable("off,12:00-13:00=1k"), at("11:00")), undefined);
  assert.deepEqual(parseTimetable("5M"), { usual: 5_000_000, at: [] });
});

Deno.test("of several hours that it is in, the last ones count", () => {
  const table = parseTimetable("1M,08:00-18:00=2M,12:00-13:00=3M");
  assert.deepEqual(["11:59", "12:00", "13:00"].map((time) => rateAt(table, at(time))), [
    2e6,
    3e6,
    2e6,
  ]);
});

Deno.test("hours may go over midnight, and end at 24:00", () => {
  const night = [parseHours("22:00-06:00")];
  const open = ["21:59", "22:00", "23:59", "00:00", "05:59", "06:00"].map((time) =>
    isOpenAt(night, at(time))
  );
  assert.deepEqual(open, [false, true, true, true, true, false]);
  assert.deepEqual(
    ["23:59", "00:00"].map((time) => isOpenAt([parseHours("20:00-24:00")], at(time))),
    [true, false],
  );
  assert.equal(isOpenAt([], at("12:00")), true);
  const two = [parseHours("01:00-02:00"), parseHours("13:00-14:00")];
  assert.deepEqual(["01:30", "12:00", "13:30"].map((time) => isOpenAt(two, at(time))), [
    true,
    false,
    true,
  ]);
});

Deno.test("nextMinute() finds when hours begin, also on the next day", () => {
  const night = [parseHours("01:00-02:00")];
  const next = nextMinute(at("12:30"), (date) => isOpenAt(night, date))!;
  assert.deepEqual([next.getDate(), next.getHours(), next.getMinutes()], [16, 1, 0]);
  assert.equal(nextMinute(at("12:30"), () => false), undefined);
});

for (
  const text of [
    "",
    "1:0-2:00",
    "24:00-01:00",
    "01:60-02:00",
    "01:00-24:01",
    "01:00-01:00",
    "01:00",
    "a-b",
  ]
) {
  Deno.test(`parseHours() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseHours(text), { kind: "usage" });
  });
}

for (
  const text of [
    "",
    "0",
    "x",
    "1M,",
    "1M,01:00-02:00",
    "1M,01:00-02:00=",
    "1M,01:00-02:00=x",
    "1M=2M",
  ]
) {
  Deno.test(`parseTimetable() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseTimetable(text), { kind: "usage" });
  });
}

testWith(
  ["the variable TZ"],
  "on the days when summer time begins and ends, hours are those of the clock on the wall",
  async () => {
    const module = new URL("../../../src/setup/pace/timetable.ts", import.meta.url).href;
    // Every ten minutes of both nights: the wall clock, and whether it is open.
    const code = `
    import { isOpenAt, parseHours } from ${JSON.stringify(module)};
    const hours = [parseHours("02:30-03:30")];
    for (const day of ["2026-03-29", "2026-10-25"]) {
      let minutes = 0;
      const begin = Date.parse(day + "T00:00:00Z") - 7_200_000;
      for (let at = begin; at < begin + 10 * 3_600_000; at += 60_000) {
        if (isOpenAt(hours, new Date(at))) minutes++;
      }
      console.log(minutes);
    }`;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--ext=ts", "-"],
      env: { TZ: "Europe/Berlin", NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    const { stdout } = await process.output();
    // From 3:00 to 3:30, as 2:30 does not exist; and 2:30 to 3:00 comes twice.
    assert.deepEqual(new TextDecoder().decode(stdout).trim().split("\n"), ["30", "90"]);
  },
);
