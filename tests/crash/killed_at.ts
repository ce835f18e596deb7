/** Kills a command in the middle. */

import { kill, spawnAlone } from "../real/child.ts";

/** Runs `command` and kills it as soon as `percent` of its progress is printed; returns what it has printed. */
export async function killedAt(
  percent: number,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: Deno.Signal = "SIGKILL",
): Promise<string> {
  let sent = false;
  const process = spawnAlone([...command], { env });
  let text = "";
  for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const done = Math.max(0, ...[...text.matchAll(/"pct":(\d+)/g)].map(([, pct]) => Number(pct)));
    // A second one of another kind would not let it end.
    if (done >= percent && !sent) kill(process, signal);
    sent ||= done >= percent;
  }
  await process.stderr.cancel();
  await process.status;
  return text;
}
