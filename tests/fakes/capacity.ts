/** What this computer can receive: on a slow one paced servers are slower and short limits longer. */

import { createHash } from "node:crypto";
import net from "node:net";

/** Bytes: enough for a figure, too few for any test to notice. */
const SAMPLE = 4 << 20;
/** From so many bytes per second on, a computer keeps up with every rate in the tests. */
const FAST = 100e6;
/** A pull does more with each byte than the sample, often beside another test. */
const SHARE = 1 / 8;

let measured: Promise<number> | undefined;

/**
 * `bytesPerSecond`, or less where this computer could not keep up: what is sent faster than it is read waits in socket
 * buffers, and tests that count the bytes a kill costs would count those.
 */
export async function sustained(bytesPerSecond: number): Promise<number> {
  const capacity = await measure();
  return capacity >= FAST ? bytesPerSecond : Math.min(bytesPerSecond, capacity * SHARE);
}

/**
 * A limit that what is right keeps, higher on a slow computer: of milliseconds, or of bytes that wait in socket buffers
 * where connections take over ranges.
 */
export async function slowed(limit: number): Promise<number> {
  const capacity = await measure();
  return capacity >= FAST ? limit : limit * FAST / capacity * 2;
}

/** Bytes per second that one connection receives and hashes; looked at once. */
function measure(): Promise<number> {
  return measured ??= measureNow();
}

async function measureNow(): Promise<number> {
  const piece = new Uint8Array(64 << 10);
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    for (let sent = 0; sent < SAMPLE; sent += piece.length) socket.write(piece);
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const began = performance.now();
  const hash = createHash("sha256");
  for await (const bytes of net.connect(port, "127.0.0.1")) hash.update(bytes);
  hash.digest();
  const seconds = (performance.now() - began) / 1000;
  await new Promise((resolve) => server.close(resolve));
  return SAMPLE / seconds;
}
