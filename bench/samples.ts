/** Samples how many bytes have arrived, four times a second. */

import { kill } from "../tests/real/child.ts";
import type { Counts } from "./faulty_server.ts";
import { PACKET, SEGMENT } from "./line.ts";

const INTERVAL_MS = 250;

export interface Sample {
  /** Since the watch began. */
  readonly seconds: number;
  /** Since the first sample. */
  readonly bytes: number;
}

/** A watch that is running; it ends when it is disposed. */
export interface Samples extends AsyncDisposable {
  readonly taken: readonly Sample[];
  /** Begins anew: drops all samples so far. */
  restart(): void;
}

/** Watches the bytes that a faulty server has sent. */
export function watchCounts(counts: () => Promise<Counts>): Samples {
  const record = recorder();
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      record.add((await counts()).sent);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  })();
  return {
    ...record.samples,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}

/**
 * Watches the bytes that the network device of a namespace has received, without headers, as if all
 * packets were full. `near` is a command that runs a command there.
 */
export function watchDevice(near: readonly string[]): Samples {
  const record = recorder();
  // One process for all samples; every device but "lo".
  const script = `while read -r n < "$0"; do echo "$n"; sleep ${INTERVAL_MS / 1000}; done`;
  const file = "/sys/class/net/[!l]*/statistics/rx_bytes";
  const [command = "", ...args] = [
    ...near,
    "sh",
    "-c",
    `set -- ${file}; exec sh -c '${script}' $1`,
  ];
  const shell = new Deno.Command(command, { args, stdin: "null", stdout: "piped" }).spawn();
  const watching = (async () => {
    let text = "";
    for await (const piece of shell.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + piece).split("\n");
      text = lines.pop()!;
      for (const line of lines) record.add(Number(line) * SEGMENT / PACKET);
    }
  })();
  return {
    ...record.samples,
    async [Symbol.asyncDispose]() {
      kill(shell, "SIGTERM");
      await shell.status;
      await watching;
    },
  };
}

function recorder() {
  const taken: Sample[] = [];
  let started = performance.now();
  let base: number | undefined;
  return {
    samples: {
      taken,
      restart() {
        taken.length = 0;
        started = performance.now();
        base = undefined;
      },
    },
    add(bytes: number) {
      base ??= bytes;
      taken.push({ seconds: (performance.now() - started) / 1000, bytes: bytes - base });
    },
  };
}
