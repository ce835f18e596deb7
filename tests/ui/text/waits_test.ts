import assert from "node:assert/strict";
import { stallText } from "../../../src/ui/text/waits.ts";

Deno.test("stallText() says whether a connection was silent or slow", () => {
  assert.equal(stallText({ silentMs: 12_000 }), "stalled 12 s, reconnecting");
  const slow = { bytesPerSecond: 1000, ms: 60_000 };
  assert.equal(stallText({ silentMs: 498, slow }), "under 1 kB/s for a minute, reconnecting");
});
