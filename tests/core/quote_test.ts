import assert from "node:assert/strict";
import fc from "fast-check";
import { escaped, oneLine, quoted } from "../../src/core/quote.ts";

const TABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

Deno.test("quoted() quotes plain text and escapes quotes and backslashes", () => {
  assert.equal(quoted("llama3.2"), '"llama3.2"');
  assert.equal(quoted('a"b\\c'), String.raw`"a\"b\\c"`);
  assert.equal(quoted("modèle 模型 🦙"), '"modèle 模型 🦙"');
});

Deno.test("quoted() escapes invisible characters and control characters", () => {
  assert.equal(quoted("\x1b[2J\r\n\0\x7f\x9b"), String.raw`"\u001b[2J\r\n\u0000\u007f\u009b"`);
  assert.equal(
    quoted("\u202e\u2066\u200b\ufeff\u2028"),
    String.raw`"\u202e\u2066\u200b\ufeff\u2028"`,
  );
  assert.equal(quoted("\u{e0041}\ud800"), String.raw`"\udb40\udc41\ud800"`);
});

Deno.test("quoted() truncates long text with an ellipsis", () => {
  assert.equal(quoted("abcdef", 6), '"abcdef"');
  assert.equal(quoted("abcdefg", 6), '"abcdef..."');
  assert.equal(quoted("🦙🦙", 3), String.raw`"🦙\ud83e..."`);
});

Deno.test("quoted() returns one line of JSON without invisible characters for any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, max) => {
    const shown = quoted(text, max);
    assert.doesNotMatch(shown, TABLE);
    const read = JSON.parse(shown);
    assert.equal(read, text.length > max ? `${text.slice(0, max)}...` : text);
  }));
});

Deno.test("oneLine() and escaped() leave no character that is not seen, and all others", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.doesNotMatch(oneLine(text), TABLE);
    assert.doesNotMatch(escaped(text), TABLE);
  }));
  const visible = "modèle 模型 🦙 \u00a0 ½ עברית";
  assert.equal(oneLine(visible), visible);
  assert.equal(escaped(visible), visible);
  assert.equal(escaped("a\nb\x1bc", "\n"), "a\nb\\u001bc");
});
