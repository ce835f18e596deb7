import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import {
  formatDuration,
  formatRate,
  formatSize,
  parseDuration,
  parseSize,
  tooSlowText,
} from "../../src/core/units.ts";

function refusal(parse: (text: string) => number, text: string): PullamaError {
  try {
    assert.fail(`${JSON.stringify(text)} is ${parse(text)}`);
  } catch (error) {
    assert(error instanceof PullamaError, String(error));
    assert.equal(error.kind, "usage");
    assert(error.hint);
    return error;
  }
}

Deno.test("parseSize() accepts bytes, decimal and binary units", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["1048576", 1048576],
    ["1", 1],
    ["100B", 100],
    ["8MiB", 8 * 1024 ** 2],
    ["8 MiB", 8 * 1024 ** 2],
    ["64M", 64_000_000],
    ["64MB", 64_000_000],
    ["1.5GB", 1_500_000_000],
    ["10kB", 10_000],
    ["10K", 10_000],
    ["2T", 2e12],
    ["1TiB", 1024 ** 4],
    ["4Ki", 4096],
    ["0.5KiB", 512],
    [".5k", 500],
    ["0.1GB", 100_000_000],
    ["0.1MiB", 104_858],
    ["007", 7],
    [" 5m ", 5_000_000],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ];
  for (const [text, size] of sizes) assert.equal(parseSize(text), size, text);
});

Deno.test("parseSize() ignores case", () => {
  for (const text of ["8mib", "8MIB", "8Mib"]) assert.equal(parseSize(text), 8 * 1024 ** 2);
  for (const text of ["3g", "3G", "3gb", "3Gb"]) assert.equal(parseSize(text), 3e9);
});

Deno.test("parseSize() refuses everything else and lists the allowed forms", () => {
  const texts = [
    "",
    " ",
    "M",
    "MiB",
    "-1",
    "+1",
    "1e6",
    "0x10",
    "1,5GB",
    "1_000",
    "1.2.3M",
    ".",
    ".M",
  ];
  const more = [
    "8 M i B",
    "8  M",
    "8iB",
    "8Mb/s",
    "8X",
    "8P",
    "64MM",
    "1.5",
    "1.5B",
    "NaN",
    "Infinity",
  ];
  const outside = ["0", "0M", "0.0001K", "9007199254740992", "9007199254740993", "99999T"];
  for (const text of [...texts, ...more, ...outside, "9".repeat(400), "８"]) {
    assert.match(
      refusal(parseSize, text).message,
      /^invalid size .*: expected .*KiB, MiB, GiB, TiB/,
    );
  }
});

Deno.test("parseSize() escapes control characters in the quoted input", () => {
  const { message } = refusal(parseSize, `\x1b[2J${"9".repeat(1000)}`);
  assert(message.includes(String.raw`"\u001b[2J999`) && message.length < 300, message);
});

Deno.test("parseDuration() accepts one or more units", () => {
  const durations: readonly (readonly [string, number])[] = [
    ["90s", 90_000],
    ["30m", 1_800_000],
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["500ms", 500],
    ["1d", 86_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1m500ms", 60_500],
    ["1d2h3m4s5ms", 93_784_005],
    ["0h5m", 300_000],
    [" 5s ", 5000],
    ["365d", 31_536_000_000],
  ];
  for (const [text, ms] of durations) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() requires a unit", () => {
  for (const text of ["90", "1.5", " 30 "]) {
    assert.match(refusal(parseDuration, text).hint ?? "", /add a unit/);
  }
});

Deno.test("parseDuration() refuses zero durations and everything else", () => {
  const texts = ["", "s", "m", "0", "0s", "0h0m", "0.1ms", "-5s", "+5s", "5 s", "1h 30m", "30m1h"];
  const more = ["1h1h", "5S", "5M", "5min", "5sec", "5y", "1:30", "1e3s", "1..5s", ".s", "forever"];
  for (const text of [...texts, ...more, `${"9".repeat(400)}d`, "9007199254740992ms"]) {
    assert.match(
      refusal(parseDuration, text).message,
      /^invalid duration .*: expected .*d, h, m, s or ms/,
    );
  }
});

Deno.test("formatSize() formats like ollama list, with a lower-case k", () => {
  const sizes: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [485, "485 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1234, "1.2 kB"],
    [1500, "1.5 kB"],
    [999_999, "999 kB"],
    [1e6, "1 MB"],
    [1_234_567, "1.2 MB"],
    [999_999_999, "999 MB"],
    [1e9, "1 GB"],
    [2_019_377_376, "2.0 GB"],
    [9_960_000_000, "10.0 GB"],
    [9_949_999_999, "9.9 GB"],
    [47_415_715_104, "47 GB"],
    [1e12, "1 TB"],
    [1_999_999_999_999, "2.0 TB"],
    [2 ** 53 - 1, "9007 TB"],
  ];
  for (const [bytes, text] of sizes) assert.equal(formatSize(bytes), text);
});

Deno.test("formatSize() rounds ties to even, as Go does", () => {
  const sizes = [[1.25, "1.2"], [2.25, "2.2"], [9.25, "9.2"], [1.75, "1.8"], [
    1.05,
    "1.1",
  ]] as const;
  for (const [value, text] of [...sizes, [9.95, "9.9"], [1.15, "1.1"], [1.35, "1.4"]] as const) {
    assert.equal(formatSize(value * 1e9), `${text} GB`);
  }
});

Deno.test("formatRate() formats bytes per second", () => {
  assert.equal(formatRate(8_200_000), "8.2 MB/s");
  assert.equal(formatRate(812.7), "812 B/s");
  assert.equal(formatRate(0), "0 B/s");
});

Deno.test("formatDuration() shows the two largest units and truncates the rest", () => {
  const durations: readonly (readonly [number, string])[] = [
    [0, "0ms"],
    [850, "850ms"],
    [999.9, "999ms"],
    [1000, "1s"],
    [42_999, "42s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [82_000, "1m22s"],
    [242_000, "4m02s"],
    [250_000, "4m10s"],
    [3_599_999, "59m59s"],
    [3_600_000, "1h00m"],
    [3_725_000, "1h02m"],
    [86_399_999, "23h59m"],
    [86_400_000, "1d00h"],
    [273_600_000, "3d04h"],
  ];
  for (const [ms, text] of durations) assert.equal(formatDuration(ms), text);
});

Deno.test("parseDuration() parses the output of formatDuration(), never to more than the original", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1e12 }), (ms) => {
    const read = parseDuration(formatDuration(ms));
    assert(read <= ms && ms - read < ms / 10 + 1000, `${ms} became ${read}`);
  }));
});

Deno.test("parseSize() parses the output of formatSize() within its precision", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1e15 }), (bytes) => {
    const read = parseSize(formatSize(bytes));
    assert(Math.abs(read - bytes) <= bytes / 10, `${bytes} became ${read}`);
  }));
});

Deno.test("tooSlowText() says how slow, and for how long", () => {
  assert.equal(tooSlowText(1000, 60_000), "under 1 kB/s for a minute");
  assert.equal(tooSlowText(1500, 90_000), "under 1.5 kB/s for 1m30s");
});
