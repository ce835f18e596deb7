import assert from "node:assert/strict";
import { errorText } from "../../../src/registry/http/error_body.ts";

const same = (text: string) => text;

Deno.test("errorText() finds the reason in an error response", async () => {
  const text = (body: string, type = "text/plain") =>
    errorText(new Response(body, { headers: { "content-type": type } }), same);
  assert.equal(
    await text('{"errors":[{"code":"A","message":"first"},{"code":"SECOND"},null]}'),
    "first; SECOND",
  );
  assert.equal(
    await text('{"error":"Invalid username or password."}'),
    "Invalid username or password.",
  );
  assert.equal(await text("404 page not found\n"), "404 page not found");
  assert.equal(await text('{"errors":5}'), '{"errors":5}');
  assert.equal(await text('{"errors":[{"message":{"toString":1}},{"code":7},5]}'), "");
  assert.equal(await text("null"), "null");
  assert.equal(await text(""), "");
  assert.equal(await text("<HTML>…"), "an HTML page");
  assert.equal(await text("oops", "text/html"), "an HTML page");
  const page = "<html><title>No\u001b[2J\n entry to https://u:p@h/x?sig=1</title>";
  assert.equal(await text(page), 'an HTML page titled "No [2J entry to https://h/x"');
  assert.equal(await text("<?xml version='1.0'?><Error/>"), "an XML document");
  assert.equal(await text("a\u001b[31m\r\n\u202eb\u0000c"), "a [31m b c");
  assert.equal(await text("get https://h/p?X-Amz-Signature=5: EOF"), "get https://h/p EOF");
  assert.equal((await text("long ".repeat(1000))).length, 1003);
});

Deno.test("errorText() reads a limited part of the body", async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 10_000;
      controller.enqueue(new Uint8Array(10_000).fill(0x61));
    },
  });
  assert.equal((await errorText(new Response(endless), same)).length, 1003);
  assert.ok(sent < 100_000);
});

Deno.test("errorText() removes credentials and queries from quoted URLs", async () => {
  const body = '{"error":"no https://user:pass@host/path?sig=1234 here"}';
  assert.equal(await errorText(new Response(body), same), "no https://host/path here");
});

Deno.test("errorText() replaces secrets before the text is cut off", async () => {
  const token = "t0k3n".repeat(400);
  const hide = (text: string) => text.replaceAll(token, "[hidden]");
  assert.equal(
    await errorText(new Response(`no access with ${token}`), hide),
    "no access with [hidden]",
  );
});

Deno.test("errorText() does not show what is compressed", async () => {
  const headers = { "content-encoding": "GZIP" };
  assert.equal(await errorText(new Response("\x1f\x8b\x08mess", { headers }), same), "");
});

for (const unit of ["a://", "a://b@", "a.", '{"error":', "\u00ad"]) {
  Deno.test(`errorText() is quick with any text: ${JSON.stringify(unit)} again and again`, async () => {
    const body = unit.repeat(65_536 / unit.length);
    const began = performance.now();
    await errorText(new Response(body), same);
    assert.ok(performance.now() - began < 500);
  });
}
