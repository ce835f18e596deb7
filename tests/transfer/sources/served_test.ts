import assert from "node:assert/strict";
import { digestOf } from "../../../src/core/digest.ts";
import { Served } from "../../../src/transfer/sources/served.ts";

const DIGEST = digestOf("0".repeat(64));
const of = (start: number, end: number) => ({ start, end });

Deno.test("what a mirror has sent is remembered where a part of an earlier request was taken over", () => {
  const served = new Served<string>();
  const first = served.begin(DIGEST, "mirror", of(0, 1000));
  const helper = served.begin(DIGEST, "mirror", of(500, 1000));
  helper(1000);
  first(500);
  assert.deepEqual([...served.givers(DIGEST, of(400, 700))], [["mirror", [of(400, 700)]]]);
});

Deno.test("what a request has not brought when it ended was not sent", () => {
  const served = new Served<string>();
  const ended = served.begin(DIGEST, "mirror", of(0, 1000));
  assert.deepEqual([...served.givers(DIGEST, of(600, 700)).keys()], ["mirror"]);
  ended(500);
  assert.equal(served.givers(DIGEST, of(600, 700)).size, 0);
  assert.deepEqual([...served.givers(DIGEST, of(0, 1000))], [["mirror", [of(0, 500)]]]);
});

Deno.test("no mirror is blamed for bytes that the registry has sent as well, also while it is sending them", () => {
  const served = new Served<string>();
  served.begin(DIGEST, "done", of(0, 1000))(1000);
  const sending = served.begin(DIGEST, "sending", of(0, 1000));
  served.clear(DIGEST, of(200, 1000));
  sending(1000);
  assert.deepEqual([...served.givers(DIGEST, of(0, 1000))], [
    ["done", [of(0, 200)]],
    ["sending", [of(0, 200)]],
  ]);
});
