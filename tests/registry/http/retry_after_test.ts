import assert from "node:assert/strict";
import { isBusy, retryAfter } from "../../../src/registry/http/retry_after.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

Deno.test("retryAfter() reads seconds and dates, for 429 and 503 only", () => {
  const of = (status: number, value: string) =>
    retryAfter(status, new Headers({ "retry-after": value }), NOW);
  assert.equal(of(429, "120"), 120_000);
  assert.equal(of(503, " 0 "), 0);
  assert.equal(of(503, "Fri, 02 Jan 2026 03:05:05 GMT"), 60_000);
  assert.equal(of(429, "Friday, 02-Jan-26 03:05:05 GMT"), 60_000);
  assert.equal(of(429, "Fri, 02 Jan 2026 03:00:00 GMT"), 0);
  for (const odd of ["", "-5", "1.5", "soon", "x 5", "1e3", "never GMT"]) {
    assert.equal(of(429, odd), undefined, odd);
  }
  assert.equal(of(500, "120"), undefined);
  assert.equal(of(301, "120"), undefined);
});

Deno.test("retryAfter() is the wait that the server means, whatever the clock of this machine says", () => {
  const headers = {
    date: new Date(NOW).toUTCString(),
    "retry-after": "Fri, 02 Jan 2026 03:04:10 GMT",
  };
  for (const now of [NOW, NOW - 3_600_000, NOW + 3_600_000]) {
    assert.equal(retryAfter(503, new Headers(headers), now), 5_000);
  }
  assert.equal(retryAfter(503, new Headers({ ...headers, date: "today" }), NOW), 5_000);
});

Deno.test("isBusy() distinguishes temporary from permanent errors", () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504, 520, 527, 529, 599]) {
    assert.ok(isBusy(status), `${status}`);
  }
  for (const status of [200, 307, 400, 401, 404, 416, 451, 501, 505]) {
    assert.ok(!isBusy(status), `${status}`);
  }
});
