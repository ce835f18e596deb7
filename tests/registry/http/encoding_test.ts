/** What fetch makes of compressed responses of a real server: a header for `isCompressed`, or their bytes. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { isCompressed } from "../../../src/registry/http/encoding.ts";
import { Http } from "../../../src/registry/http/http.ts";
import { never } from "../world.ts";

const PLAIN = new TextEncoder().encode("abc".repeat(5000));

/** By Content-Encoding. Each body is compressed as its header says. */
const CODINGS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  "gzip": gzipSync,
  "GZIP": gzipSync,
  "x-gzip": gzipSync,
  "br": brotliCompressSync,
  "deflate": deflateSync,
  "gzip, gzip": (bytes) => gzipSync(gzipSync(bytes)),
  "identity, gzip": gzipSync,
};

/** Responds to each path with its coding. */
async function serve(
  bodies: Readonly<Record<string, Uint8Array>>,
): Promise<{ readonly url: URL } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const coding = decodeURIComponent(new URL(request.url!, "http://x").pathname.slice(1));
    const body = bodies[coding]!;
    response.writeHead(200, { "content-encoding": coding, "content-length": body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

Deno.test("case 50: no coding of a server is taken for the bytes themselves", async () => {
  const bodies = Object.fromEntries(
    Object.entries(CODINGS).map(([coding, compress]) => [coding, compress(PLAIN)]),
  );
  await using server = await serve(bodies);
  using http = new Http({ userAgent: "pullama/test" });
  for (const coding of Object.keys(CODINGS)) {
    const url = new URL(encodeURIComponent(coding), server.url);
    const response = await http.get(url, { signal: never() });
    const bytes = new Uint8Array(await response.arrayBuffer());
    // Either the header is left, or fetch has decompressed the bytes: then they are the right ones.
    if (!isCompressed(response.headers)) assert.deepEqual(bytes, PLAIN, coding);
    else assert.deepEqual(bytes, new Uint8Array(bodies[coding]!), coding);
  }
});

Deno.test("case 50: identity is no compression, however it is written", async () => {
  const names = ["identity", "Identity", "IDENTITY, identity"];
  await using server = await serve(Object.fromEntries(names.map((name) => [name, PLAIN])));
  using http = new Http({ userAgent: "pullama/test" });
  for (const name of names) {
    const url = new URL(encodeURIComponent(name), server.url);
    const response = await http.get(url, { signal: never() });
    assert.equal(isCompressed(response.headers), false, name);
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), PLAIN);
  }
});
