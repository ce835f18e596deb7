import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { Http } from "../../../src/registry/http/http.ts";
import type { SentBody } from "../../../src/registry/http/sent_body.ts";
import { failureOf, never } from "../world.ts";

/** More than all buffers between two sockets. */
const SIZE = 64 << 20;
const PIECE = 1 << 20;
const TIMEOUT_MS = 150;

function body(pull: (n: number) => Promise<void> = () => Promise.resolve(), size = SIZE): SentBody {
  return {
    length: size,
    open() {
      let left = size;
      let n = 0;
      return new ReadableStream({
        async pull(controller) {
          await pull(++n);
          const count = Math.min(left, PIECE);
          left -= count;
          if (count > 0) controller.enqueue(new Uint8Array(count));
          if (left === 0) controller.close();
        },
      });
    },
  };
}

function client(): Http {
  return new Http({ userAgent: "test", headerTimeoutMs: TIMEOUT_MS });
}

function send(http: Http, port: number, sent: SentBody, headerMs?: number): Promise<Response> {
  const url = new URL(`http://127.0.0.1:${port}/x`);
  return http.send(url, { method: "PUT", body: sent, headerMs, signal: never() });
}

Deno.test("a server that takes no bytes of a body is given up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using http = client();
  const accepted = listener.accept();
  const error = await failureOf(send(http, listener.addr.port, body(), 60_000));
  assert.equal(error.kind, "timeout");
  (await accepted).close();
});

Deno.test("a body that is slow to read is waited for, and so is the response to all of it", async () => {
  using http = client();
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (asked) => {
      let count = 0;
      for await (const piece of asked.body!) count += piece.length;
      await slow();
      return new Response(String(count));
    },
  );
  const sent = body((n) => n === 2 ? slow() : Promise.resolve(), 3 * PIECE);
  const response = await send(http, server.addr.port, sent, 60_000);
  assert.equal(await response.text(), String(3 * PIECE));
});

Deno.test("a body that fails ends its request with its own error, at whatever piece", async () => {
  for (const which of [1, 3]) {
    using http = client();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (asked) => {
        await asked.body?.pipeTo(new WritableStream()).catch(() => {});
        return new Response("all");
      },
    );
    const broken = new PullamaError("size", "it has changed");
    const sent = body((n) => n === which ? Promise.reject(broken) : Promise.resolve());
    assert.equal(await failureOf(send(http, server.addr.port, sent, 60_000)), broken);
  }
});
