import assert from "node:assert/strict";
import { errorText } from "../../../src/registry/http/error_body.ts";

Deno.test("errorText() finds the reason in an error response", async () => {
  const text = (body: string, type = "text/plain") =>
    errorText(new Response(body, { headers: { "content-type": type } }));
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
  assert.equal(await text("null"), "null");
  assert.equal(await text(""), "");
  assert.equal(await text("<HTML>…"), "an HTML page");
  assert.equal(await text("oops", "text/html"), "an HTML page");
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
  assert.equal((await errorText(new Response(endless))).length, 1003);
  assert.ok(sent < 100_000);
});

Deno.test("errorText() removes credentials and queries from quoted URLs", async () => {
  const body = '{"error":"no https://user:pass@host/path?sig=1234 here"}';
  assert.equal(await errorText(new Response(body)), "no https://host/path here");
});
