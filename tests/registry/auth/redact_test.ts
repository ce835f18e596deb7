import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { PullamaError } from "../../../src/core/errors.ts";
import { Secrets } from "../../../src/registry/auth/redact.ts";

function knowing(...secrets: string[]): Secrets {
  const known = new Secrets();
  known.add(...secrets);
  return known;
}

const TOKEN = "eyJ.t0k3n/+==?&%~ü";

const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "base64": (text) => Buffer.from(text).toString("base64"),
  "base64url": (text) => Buffer.from(text).toString("base64url"),
  "hex": (text) => Buffer.from(text).toString("hex"),
  "upper-case hex": (text) => Buffer.from(text).toString("hex").toUpperCase(),
  "percent-encoding": encodeURIComponent,
  "percent-encoding of every byte": (text) =>
    Buffer.from(text).toString("hex").replaceAll(/../g, "%$&"),
  "base64 that is percent-encoded": (text) =>
    encodeURIComponent(Buffer.from(text).toString("base64")),
};

for (const [encoding, encode] of Object.entries(ENCODINGS)) {
  Deno.test(`Secrets hides a token that a server repeats in ${encoding}`, () => {
    const known = knowing(TOKEN);
    assert.match(known.hide(`you sent ${encode(TOKEN)}!`), /^you sent \[hidden\](?:%3D)*!$/);
    // Inside a longer text that is encoded, at any offset.
    for (const around of ["", "B", "Be", "Bearer ", '{"authorization":"Bearer ']) {
      const shown = known.hide(`got ${encode(`${around}${TOKEN}"}`)}`);
      assert.ok(shown.includes("[hidden]"), `${around}: ${shown}`);
      for (const readable of decodingsOf(shown)) {
        assert.ok(!readable.includes(TOKEN.slice(2, -2)), `${around}: ${shown}`);
      }
    }
  });
}

function decodingsOf(text: string): string[] {
  const words = text.split(/[^\w+/=%-]+/);
  return (["base64", "base64url", "hex"] as const)
    .flatMap((form) => words.map((word) => Buffer.from(word, form).toString()));
}

Deno.test("Secrets changes no other text", () => {
  const known = knowing(TOKEN, "short");
  for (const text of ["a short %41 text", "100%", "%zz%", "%ff%fe", "", "t0k3n"]) {
    assert.equal(known.hide(text), text);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(known.hide(text), text);
  }));
});

Deno.test("Secrets replaces a secret before a shorter one that it contains", () => {
  assert.equal(knowing("secret-1", "secret-1-2").hide("a secret-1-2 b"), "a [hidden] b");
});

Deno.test("Secrets is quick with huge tokens and many of them", () => {
  const known = new Secrets();
  for (let k = 0; k < 100; k++) known.add(`${k}`.padStart(2000, "t"));
  const text = "x".repeat(64 << 10);
  assert.equal(known.hide(text), text);
});

Deno.test("Secrets replaces an error that repeats one, with its hint, and drops its cause", () => {
  const known = knowing(TOKEN);
  const cause = new Error(`for ${TOKEN}`);
  const error = new PullamaError("unavailable", "busy", { hint: TOKEN, retryAfterMs: 5, cause });
  const hidden = known.hideIn(error);
  assert.deepEqual(
    [hidden.kind, hidden.message, hidden.hint, hidden.retryAfterMs, hidden.cause],
    ["unavailable", "busy", "[hidden]", 5, undefined],
  );
  assert.equal(known.hideIn(new PullamaError("network", "reset", { cause })).cause, undefined);
  const harmless = new PullamaError("network", "reset", { cause: new Error("reset") });
  assert.equal(known.hideIn(harmless), harmless);
});
