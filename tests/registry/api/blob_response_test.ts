import assert from "node:assert/strict";
import { EMPTY_DIGEST } from "../../../src/core/digest.ts";
import { type BlobRequest, checkResponse } from "../../../src/registry/api/blob_response.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const part: BlobRequest = {
  blob: { mediaType: "x", digest: EMPTY_DIGEST, size: 100 },
  range: { start: 10, end: 20 },
  withRange: true,
  atHome: true,
};

const whole: BlobRequest = { ...part, range: { start: 0, end: 100 }, withRange: false };

/** The result of checkResponse(), in short: the range or the kind of error. */
function checked(status: number, headers: Record<string, string>, request = part): string {
  const verdict = checkResponse(status, new Headers(headers), request, NOW);
  if (!verdict.ok) return verdict.kind;
  return `${verdict.range.start}-${verdict.range.end} ${verdict.ranged ? "ranged" : "whole"}`;
}

Deno.test("checkResponse() accepts a part that begins at the requested offset", () => {
  assert.equal(checked(206, { "content-range": "bytes 10-19/100" }), "10-20 ranged");
  assert.equal(checked(206, { "content-range": "bytes 10-10/*" }), "10-11 ranged");
  const exact = { "content-range": "Bytes 10-14/100", "content-length": "5" };
  assert.equal(checked(206, exact), "10-15 ranged");
  assert.equal(checked(206, { "content-range": "bytes 0-99/100" }, whole), "0-100 ranged");
});

Deno.test("checkResponse() rejects a part other than the requested one", () => {
  const ranges = ["bytes 0-9/100", "bytes 11-19/100", "bytes 10-20/100", "bytes 10-9/100"];
  const invalid = [
    "",
    "bytes */100",
    "bytes 10-/100",
    "bytes 10-19",
    "10-19/100",
    "lines 10-19/100",
  ];
  for (const value of [...ranges, ...invalid]) {
    assert.equal(checked(206, { "content-range": value }), "protocol", value);
  }
  const length = { "content-range": "bytes 10-19/100", "content-length": "11" };
  assert.equal(checked(206, length), "protocol");
  assert.equal(checked(206, { "content-range": "bytes 10-19/101" }), "size");
  assert.equal(checked(206, {}, whole), "protocol");
});

Deno.test("checkResponse() accepts the whole blob for any range", () => {
  assert.equal(checked(200, { "content-length": "100" }), "0-100 whole");
  assert.equal(checked(200, {}), "0-100 whole");
  assert.equal(checked(200, { "content-length": "99" }), "size");
  assert.equal(checked(200, { "content-length": "100" }, whole), "0-100 ranged");
});

Deno.test("checkResponse() distinguishes an error of the registry from an expired URL", () => {
  const away: BlobRequest = { ...part, atHome: false };
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
    assert.equal(checked(status, {}), atHome, `${status}`);
    assert.equal(checked(status, {}, away), elsewhere, `${status}`);
  }
  assert.equal(checked(416, { "content-range": "bytes */100" }), "stale");
  assert.equal(checked(416, { "content-range": "bytes */101" }), "size");
});

for (const length of ["600", undefined]) {
  Deno.test(`checkResponse() recognizes an HTML page, with Content-Length ${length ?? "missing"}`, () => {
    const headers = new Headers({ "content-type": "text/html; charset=UTF-8" });
    if (length !== undefined) headers.set("content-length", length);
    const verdict = checkResponse(200, headers, part, NOW);
    assert.ok(!verdict.ok);
    assert.equal(verdict.kind, "protocol");
    assert.match(verdict.does, /HTML page/);
    assert.match(verdict.hint!, /log in to the network/);
  });
}
