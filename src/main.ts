/** The edge of the process: arguments, signals, exit code. Nothing else ends it. */

import { isVerbose, run } from "./cli/program.ts";
import { systemHost } from "./cli/system.ts";
import { wire } from "./cli/wire.ts";
import { asPullamaError, exitCodeOf, PullamaError } from "./core/errors.ts";
import type { Stop } from "./core/stop.ts";
import { errorText } from "./ui/message.ts";

const host = systemHost(stopBySignals());

addEventListener("error", (event) => fail(event.error));
addEventListener("unhandledrejection", (event) => fail(event.reason));

Deno.exit(await run(Deno.args, host, wire));

/** The first signal asks for an orderly end, the second one ends the process at once. */
function stopBySignals(): Stop {
  const soft = new AbortController();
  const hard = new AbortController();
  const onSignal = () => {
    if (soft.signal.aborted) {
      hard.abort();
      Deno.exit(1);
    }
    soft.abort(new PullamaError("interrupted", "stopped by a signal"));
  };
  const windows = Deno.build.os === "windows";
  for (const signal of ["SIGINT", "SIGTERM", ...(windows ? ["SIGBREAK" as const] : [])] as const) {
    try {
      Deno.addSignalListener(signal, onSignal);
    } catch {
      // Not every version of the runtime knows every signal on Windows: then it has its default effect.
    }
  }
  return { soft: soft.signal, hard: hard.signal };
}

/** A failure that nobody expected: one sentence, as for all others. */
function fail(reason: unknown): never {
  const error = asPullamaError(reason);
  host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  Deno.exit(exitCodeOf(error.kind) || 1);
}
