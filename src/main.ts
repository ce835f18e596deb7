/** The edge of the process: arguments, signals, exit code. Nothing else ends it. */

import { isVerbose, run } from "./cli/program.ts";
import { systemHost } from "./cli/host/system.ts";
import { wire } from "./cli/wire.ts";
import { asPullamaError, exitCodeOf, PullamaError } from "./core/errors.ts";
import { type Stop, stopSteps } from "./core/stop.ts";

const host = systemHost(stopBySignals());

const crash = firstCrash();
crash.addEventListener("abort", () => fail(crash.reason));

const exitCode = await run(Deno.args, host, wire);
// What has crashed ends when it has said so.
if (!crash.aborted) Deno.exit(host.out.failure === undefined ? exitCode : await sayLost(exitCode));

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

/** Aborted at the first failure that nobody caught, which is its reason. */
function firstCrash(): AbortSignal {
  const crash = new AbortController();
  addEventListener("error", (event) => {
    // Else the runtime says it in its own words, before there is time to load ours.
    event.preventDefault();
    crash.abort(asPullamaError(event.error));
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    crash.abort(asPullamaError(event.reason));
  });
  return crash.signal;
}

/** Not everything has arrived on stdout: the exit code of that, unless something else went wrong before. */
async function sayLost(exitCode: number): Promise<number> {
  const [{ lostOutput }, { errorText }] = await Promise.all([
    import("./cli/host/lost_output.ts"),
    import("./ui/text/message.ts"),
  ]);
  const error = lostOutput(host.out.failure);
  host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  return exitCode || exitCodeOf(error.kind);
}

/** A failure that nobody expected: one sentence, as for all others. */
async function fail(error: PullamaError): Promise<never> {
  try {
    const { errorText } = await import("./ui/text/message.ts");
    host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  } finally {
    Deno.exit(exitCodeOf(error.kind) || 1);
  }
}
