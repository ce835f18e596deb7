/**
 * The entry point: signals, arguments, exit code. Only this file ends the process. It listens for
 * signals before it loads the rest of the program.
 */

import { isHangupIgnored } from "./cli/host/hangup.ts";
import type { Output } from "./cli/host/terminal.ts";
import { asPullamaError, exitCodeOf, PullamaError } from "./core/errors.ts";
import { stopSteps } from "./core/stop.ts";
import { onAbort } from "./io/abort.ts";

/** Milliseconds that a signal leaves for pending output: at the end, and before exiting at once. */
const GRACE_MS = 500;
const LAST_LINE_MS = 200;

const steps = stopSteps();
const signalled = new AbortController();
listenForSignals();

const loading = load();
const { host, run, wire } = await loading;

const crash = firstCrash();
crash.addEventListener("abort", () => fail(crash.reason));

const exitCode = await run(Deno.args, host, wire);
await flush(host.out, host.err);
// After a crash the process ends in `fail()`, and after the last signal in `exitAtOnce()`.
if (!crash.aborted && !steps.stop.hard.aborted) {
  Deno.exit(host.out.failure === undefined ? exitCode : await reportLostOutput(exitCode));
}

async function load() {
  const [{ systemHost }, { isVerbose, run }, { wire }] = await Promise.all([
    import("./cli/host/system.ts"),
    import("./cli/program.ts"),
    import("./cli/wire.ts"),
  ]);
  return { host: systemHost(steps.stop), verbose: isVerbose(Deno.args), run, wire };
}

function listenForSignals(): void {
  const windows = Deno.build.os === "windows";
  const listeners: (readonly [Deno.Signal, () => void])[] = [
    // On Windows that of a closed window, five seconds before the system ends the program.
    ["SIGHUP", onHangup(!windows && isHangupIgnored())],
    ["SIGINT", onSignal],
    ["SIGTERM", onSignal],
    ...(windows ? [["SIGBREAK", onSignal] as const] : []),
  ];
  for (const [signal, listener] of listeners) {
    try {
      Deno.addSignalListener(signal, listener);
    } catch {
      // Not every version of Deno supports every signal on Windows: the default action applies
      // then.
    }
  }
}

/** Each signal takes one step of the stop; after the last step it ends the process at once. */
function onSignal(): void {
  signalled.abort();
  if (!steps.next(new PullamaError("interrupted", "interrupted by a signal"))) exitAtOnce();
}

/**
 * A closed terminal is one signal, although both the system and a shell may send it. If it is
 * ignored, there is a listener nevertheless, since the runtime would end the process without one.
 */
function onHangup(ignored: boolean): () => void {
  let done = ignored;
  return () => {
    if (done) return;
    done = true;
    onSignal();
  };
}

async function exitAtOnce(): Promise<never> {
  const { host } = await loading;
  host.err.write("exited at once: another signal arrived before the program had stopped\n");
  host.err.close();
  setTimeout(() => Deno.exit(1), LAST_LINE_MS);
  await host.err.written();
  Deno.exit(1);
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
  const { lostOutput } = await import("./cli/host/lost_output.ts");
  const error = lostOutput(host.out.failure);
  await report(error);
  return exitCode || exitCodeOf(error.kind);
}

/** Reports an unexpected error in one sentence, as all others, and exits. */
async function fail(error: PullamaError): Promise<never> {
  try {
    await report(error);
  } finally {
    Deno.exit(exitCodeOf(error.kind) || 1);
  }
}

async function report(error: PullamaError): Promise<void> {
  const [{ host, verbose }, { errorText }] = await Promise.all([
    loading,
    import("./ui/text/message.ts"),
  ]);
  host.err.write(errorText(error, host.err, { verbose }));
  await flush(host.err);
}

/** Resolves when all text is written; after a signal, in GRACE_MS at the latest. */
async function flush(...outputs: readonly Output[]): Promise<void> {
  const late = Promise.withResolvers<void>();
  using _listener = onAbort(signalled.signal, () => setTimeout(late.resolve, GRACE_MS));
  await Promise.race([Promise.all(outputs.map((output) => output.written())), late.promise]);
}
