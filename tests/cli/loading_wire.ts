/** As `fake_wire.ts`, but loaded only when stdin ends, so that a test can send a signal before. */

Deno.stdout.writeSync(new TextEncoder().encode("loading\n"));
await Deno.stdin.read(new Uint8Array(1));

export { wire } from "./fake_wire.ts";
