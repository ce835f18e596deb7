import assert from "node:assert/strict";
import { EMPTY_DIGEST } from "../../../src/core/digest.ts";
import { type Asked, judge } from "../../../src/registry/api/blob_response.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const asked: Asked = {
  blob: { mediaType: "x", digest: EMPTY_DIGEST, size: 100 },
  range: { start: 10, end: 20 },
  withRange: true,
  atHome: true,
};

const whole: Asked = { ...asked, range: { start: 0, end: 100 }, withRange: false };

/** What judge() makes of an answer, in short: the range or the kind of failure. */
function judged(status: number, headers: Record<string, string>, question = asked): string {
  const verdict = judge(status, new Headers(headers), question, NOW);
  if (!verdict.ok) return verdict.kind;
  return `${verdict.range.start}-${verdict.range.end} ${verdict.ranged ? "ranged" : "whole"}`;
}

Deno.test("judge() accepts a part that begins where it was asked for", () => {
  assert.equal(judged(206, { "content-range": "bytes 10-19/100" }), "10-20 ranged");
  assert.equal(judged(206, { "content-range": "bytes 10-10/*" }), "10-11 ranged");
  const exact = { "content-range": "Bytes 10-14/100", "content-length": "5" };
  assert.equal(judged(206, exact), "10-15 ranged");
  assert.equal(judged(206, { "content-range": "bytes 0-99/100" }, whole), "0-100 ranged");
});

Deno.test("judge() refuses a part that is not the one that was asked for", () => {
  const ranges = ["bytes 0-9/100", "bytes 11-19/100", "bytes 10-20/100", "bytes 10-9/100"];
  const illegible = [
    "",
    "bytes */100",
    "bytes 10-/100",
    "bytes 10-19",
    "10-19/100",
    "lines 10-19/100",
  ];
  for (const value of [...ranges, ...illegible]) {
    assert.equal(judged(206, { "content-range": value }), "protocol", value);
  }
  const length = { "content-range": "bytes 10-19/100", "content-length": "11" };
  assert.equal(judged(206, length), "protocol");
  assert.equal(judged(206, { "content-range": "bytes 10-19/101" }), "size");
  assert.equal(judged(206, {}, whole), "protocol");
});

Deno.test("judge() takes the whole blob for an answer to any range", () => {
  assert.equal(judged(200, { "content-length": "100" }), "0-100 whole");
  assert.equal(judged(200, {}), "0-100 whole");
  assert.equal(judged(200, { "content-length": "99" }), "size");
  assert.equal(judged(200, { "content-length": "100" }, whole), "0-100 ranged");
  assert.equal(judged(200, { "content-encoding": "gzip" }), "protocol");
  assert.equal(judged(200, { "content-encoding": "identity" }), "0-100 whole");
});

Deno.test("judge() tells a refusal of the registry from an address that has expired", () => {
  const away: Asked = { ...asked, atHome: false };
  const kinds = [
    [401, "auth", "stale"],
    [403, "auth", "stale"],
    [404, "not_found", "stale"],
    [410, "not_found", "stale"],
    [400, "refused", "stale"],
    [405, "refused", "refused"],
    [451, "refused", "refused"],
    [501, "refused", "refused"],
    [505, "refused", "refused"],
    [429, "unavailable", "unavailable"],
    [503, "unavailable", "unavailable"],
    [416, "stale", "stale"],
    [304, "protocol", "protocol"],
    [412, "protocol", "protocol"],
    [204, "protocol", "protocol"],
    [300, "protocol", "protocol"],
  ] as const;
  for (const [status, atHome, elsewhere] of kinds) {
    assert.equal(judged(status, {}), atHome, `${status}`);
    assert.equal(judged(status, {}, away), elsewhere, `${status}`);
  }
  assert.equal(judged(416, { "content-range": "bytes */100" }), "stale");
  assert.equal(judged(416, { "content-range": "bytes */101" }), "size");
});

for (const length of ["600", undefined]) {
  Deno.test(`judge() calls a page a page, with ${length ?? "no"} bytes in its head`, () => {
    const headers = new Headers({ "content-type": "text/html; charset=UTF-8" });
    if (length !== undefined) headers.set("content-length", length);
    const verdict = judge(200, headers, asked, NOW);
    assert.ok(!verdict.ok);
    assert.equal(verdict.kind, "protocol");
    assert.match(verdict.does, /web page/);
    assert.match(verdict.hint!, /log in to the network/);
  });
}
