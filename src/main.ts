/** The edge of the process: arguments, signals, exit code. Nothing else ends it. */

import { isVerbose, run } from "./cli/program.ts";
import { systemHost } from "./cli/system.ts";
import { wire } from "./cli/wire.ts";
import { asPullamaError, exitCodeOf, PullamaError } from "./core/errors.ts";
import { type Stop, stopSteps } from "./core/stop.ts";
import { errorText } from "./ui/message.ts";

const host = systemHost(stopBySignals());

addEventListener("error", (event) => fail(event.error));
addEventListener("unhandledrejection", (event) => fail(event.reason));

Deno.exit(await run(Deno.args, host, wire));

/** Each signal is one step of the stop; the last one ends the process at once. */
function stopBySignals(): Stop {
  const steps = stopSteps();
  const onSignal = () => {
    if (!steps.next(new PullamaError("interrupted", "stopped by a signal"))) Deno.exit(1);
  };
  const windows = Deno.build.os === "windows";
  for (const signal of ["SIGINT", "SIGTERM", ...(windows ? ["SIGBREAK" as const] : [])] as const) {
    try {
      Deno.addSignalListener(signal, onSignal);
    } catch {
      // Not every version of the runtime knows every signal on Windows: then it has its default effect.
    }
  }
  return steps.stop;
}

/** A failure that nobody expected: one sentence, as for all others. */
function fail(reason: unknown): never {
  const error = asPullamaError(reason);
  host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  Deno.exit(exitCodeOf(error.kind) || 1);
}
