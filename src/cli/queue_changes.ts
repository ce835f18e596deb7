/** `pullama queue add` and `pullama queue rm`. */

import { displayName, parseName } from "../core/name.ts";
import { modelsDir } from "../setup/models_dir.ts";
import { modelText } from "../ui/queue_list.ts";
import { counted } from "../ui/words.ts";
import type { Host } from "./host.ts";
import type { OpenQueue } from "./queue_place.ts";
import { waitOn } from "./queue_wait.ts";

/** The flags of these commands as they were parsed. */
export interface QueueFlags {
  readonly modelsDir?: string | undefined;
  readonly quiet?: true | undefined;
  readonly color: boolean;
}

/** Adds models, named as the user did: all of them, or none where one of the names is none. */
export async function addToQueue(
  given: readonly string[],
  flags: QueueFlags,
  host: Host,
  openQueue: OpenQueue,
): Promise<void> {
  const names = given.map(parseName);
  const queue = await openQueue(modelsDir(flags.modelsDir, host));
  const wait = waitOn(host, flags.color);
  const { added, skipped } = await queue.add(names, host.clock.date(), wait);
  if (flags.quiet) return;
  for (const name of skipped) {
    host.out.write(`skipped ${displayName(name)}: it is in the queue already\n`);
  }
  host.out.write(`added ${counted(added.length, "model")} to the queue\n`);
}

/** Removes entries by their positions in the list: all of them, or none where one cannot be removed. */
export async function removeFromQueue(
  positions: readonly number[],
  flags: QueueFlags,
  host: Host,
  openQueue: OpenQueue,
): Promise<void> {
  const queue = await openQueue(modelsDir(flags.modelsDir, host));
  const removed = await queue.remove(positions, waitOn(host, flags.color));
  if (flags.quiet) return;
  for (const row of removed) host.out.write(`removed ${modelText(row)} from the queue\n`);
}
