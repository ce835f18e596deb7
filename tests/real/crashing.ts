/** A program that shows a pull and then crashes, in the way that its argument says. */

import { systemHost } from "../../src/cli/host/system.ts";
import { createRenderer } from "../../src/ui/pull/modes.ts";
import { EVERY_EVENT } from "../ui/pull_events.ts";

const never = new AbortController().signal;
const host = systemHost({ soft: never, hard: never });
const options = { quiet: false, verbose: false, dryRun: false };
const renderer = createRenderer("table", host.out, options, host.clock);
renderer.event(EVERY_EVENT.pull_start);
renderer.event(EVERY_EVENT.manifest);
renderer.event(EVERY_EVENT.blob_start);
setTimeout(end, 500);

function end(): void {
  if (Deno.args[0] === "throw") throw new Error("nobody expected this");
  if (Deno.args[0] === "reject") Promise.reject(new Error("nobody expected this"));
  else Deno.exit(1);
}
