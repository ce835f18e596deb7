import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { pushUrl } from "../../../src/setup/push/address.ts";

const UNDERSTOOD: readonly (readonly [string, boolean, string])[] = [
  ["registry.example.com", false, "https://registry.example.com/"],
  ["registry.example.com/models/", false, "https://registry.example.com/models"],
  ["10.0.0.5:5000", true, "http://10.0.0.5:5000/"],
  ["10.0.0.5:5000/a/b-c/d_e", false, "https://10.0.0.5:5000/a/b-c/d_e"],
  ["[::1]:5000/x", true, "http://[::1]:5000/x"],
  ["https://registry.example.com", false, "https://registry.example.com/"],
  ["http://127.0.0.1:5000", false, "http://127.0.0.1:5000/"],
  ["http://registry.example.com", true, "http://registry.example.com/"],
];

for (const [text, insecure, url] of UNDERSTOOD) {
  Deno.test(`push --to ${text}${insecure ? " --insecure" : ""} is ${url}`, () => {
    assert.equal(pushUrl(text, insecure).href, url);
  });
}

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["", /does not begin with a host/],
  ["/models", /does not begin with a host/],
  ["ftp://host", /http:\/\/ or https:\/\//],
  ["http://registry.example.com", /not a loopback or private address/],
  ["host/../x", /"\.\." cannot be part/],
  ["host/./x", /"\." cannot be part/],
  ["host//x", /"" cannot be part/],
  ["host/%2e%2e/x", /cannot be part/],
  ["host/a\\b", /cannot be part/],
  ["host/Upper", /cannot be part/],
  ["host/v2/x", /leave out \/v2/],
  ["host?x=1", /query/],
  ["host#x", /fragment/],
  ["host:port", /does not begin with a host/],
  ["host:99999", /does not begin with a host/],
  ["ho st", /does not begin with a host/],
  ["host/a\nb", /cannot be part/],
];

for (const [text, reason] of REFUSED) {
  Deno.test(`push --to ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => pushUrl(text, false), (error) => {
      assert.ok(error instanceof PullamaError);
      assert.equal(error.kind, "usage");
      assert.match(error.message, reason);
      assert.ok(error.hint);
      return true;
    });
  });
}

Deno.test("push --to https://... with --insecure is refused: one of them is a mistake", () => {
  assert.throws(() => pushUrl("https://registry.example.com", true), {
    kind: "usage",
    message: /--insecure is plain http/,
  });
});

Deno.test("push --to with a password is refused, and does not show it", () => {
  for (const text of ["me:pa55@host", "https://me:pa55@host/x", "me:pa55/w@host"]) {
    assert.throws(() => pushUrl(text, false), (error) => {
      assert.ok(error instanceof PullamaError);
      assert.ok(!`${error.message} ${error.hint}`.includes("pa55"), error.message);
      assert.match(error.hint!, /docker login/);
      return true;
    });
  }
});
