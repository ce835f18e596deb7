import assert from "node:assert/strict";
import fc from "fast-check";
import { quoted } from "../../src/core/quote.ts";

Deno.test("quoted() writes plain text in quotes, with quotes and backslashes escaped", () => {
  assert.equal(quoted("llama3.2"), '"llama3.2"');
  assert.equal(quoted('a"b\\c'), String.raw`"a\"b\\c"`);
  assert.equal(quoted("modèle 模型 🦙"), '"modèle 模型 🦙"');
});

Deno.test("quoted() escapes whatever is invisible or moves the cursor", () => {
  assert.equal(quoted("\x1b[2J\r\n\0\x7f\x9b"), String.raw`"\u001b[2J\r\n\u0000\u007f\u009b"`);
  assert.equal(
    quoted("\u202e\u2066\u200b\ufeff\u2028"),
    String.raw`"\u202e\u2066\u200b\ufeff\u2028"`,
  );
  assert.equal(quoted("\u{e0041}\ud800"), String.raw`"\udb40\udc41\ud800"`);
});

Deno.test("quoted() cuts off what is too long and shows that it did", () => {
  assert.equal(quoted("abcdef", 6), '"abcdef"');
  assert.equal(quoted("abcdefg", 6), '"abcdef..."');
  assert.equal(quoted("🦙🦙", 3), String.raw`"🦙\ud83e..."`);
});

Deno.test("quoted() is JSON on one line without anything invisible, whatever comes", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, max) => {
    const shown = quoted(text, max);
    assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}]/u);
    const read = JSON.parse(shown);
    assert.equal(read, text.length > max ? `${text.slice(0, max)}...` : text);
  }));
});
