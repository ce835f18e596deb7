/** The entry point: arguments, signals, exit code. Only this file ends the process. */

import { isVerbose, run } from "./cli/program.ts";
import { systemHost } from "./cli/host/system.ts";
import { wire } from "./cli/wire.ts";
import { asPullamaError, exitCodeOf, PullamaError } from "./core/errors.ts";
import { type Stop, stopSteps } from "./core/stop.ts";

const host = systemHost(stopBySignals());

const crash = firstCrash();
crash.addEventListener("abort", () => fail(crash.reason));

const exitCode = await run(Deno.args, host, wire);
// After a crash the process ends in `fail()`, once the error is reported.
if (!crash.aborted) {
  Deno.exit(host.out.failure === undefined ? exitCode : await reportLostOutput(exitCode));
}

/** Each signal takes one step of the stop; after the last step it ends the process at once. */
function stopBySignals(): Stop {
  const steps = stopSteps();
  const onSignal = () => {
    if (!steps.next(new PullamaError("interrupted", "interrupted by a signal"))) Deno.exit(1);
  };
  const windows = Deno.build.os === "windows";
  for (const signal of ["SIGINT", "SIGTERM", ...(windows ? ["SIGBREAK" as const] : [])] as const) {
    try {
      Deno.addSignalListener(signal, onSignal);
    } catch {
      // Not every version of Deno supports every signal on Windows: the default action applies
      // then.
    }
  }
  return steps.stop;
}

/** Aborted at the first uncaught error, with that error as its reason. */
function firstCrash(): AbortSignal {
  const crash = new AbortController();
  addEventListener("error", (event) => {
    // Otherwise Deno prints the error and exits before the code for our message is loaded.
    event.preventDefault();
    crash.abort(asPullamaError(event.error));
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    crash.abort(asPullamaError(event.reason));
  });
  return crash.signal;
}

/**
 * Reports that writing to stdout failed. Returns the exit code for that, unless `exitCode` is an
 * error already.
 */
async function reportLostOutput(exitCode: number): Promise<number> {
  const [{ lostOutput }, { errorText }] = await Promise.all([
    import("./cli/host/lost_output.ts"),
    import("./ui/text/message.ts"),
  ]);
  const error = lostOutput(host.out.failure);
  host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  return exitCode || exitCodeOf(error.kind);
}

/** Reports an unexpected error in one sentence, as all others, and exits. */
async function fail(error: PullamaError): Promise<never> {
  try {
    const { errorText } = await import("./ui/text/message.ts");
    host.err.write(errorText(error, host.err, { verbose: isVerbose(Deno.args) }));
  } finally {
    Deno.exit(exitCodeOf(error.kind) || 1);
  }
}
