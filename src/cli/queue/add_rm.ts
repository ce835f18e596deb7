/** `pullama queue add` and `pullama queue rm`. */

import { shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { displayName, fullName, type ModelName, parsePinned } from "../../core/name.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { inspectText, jsonText } from "../../ui/text/json.ts";
import { modelText } from "../../ui/reports/queue_list.ts";
import { counted } from "../../ui/text/numbers.ts";
import { type Host, outputs } from "../host/host.ts";
import type { FolderFlags } from "../args/options.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { waitMessages } from "./wait.ts";

/** Adds the given models: all of them, or none if one of the names is invalid. */
export async function addToQueue(
  given: readonly string[],
  flags: FolderFlags,
  host: Host,
  openQueue: OpenQueue,
): Promise<void> {
  const names = given.map(parsePinned);
  const queue = await openQueue(modelsDir(flags.modelsDir, host));
  const wait = waitMessages(host, flags.color);
  const { added, changed, skipped } = await queue.add(names, host.clock.date(), wait);
  writeResult(flags, host, {
    lines: [
      ...changed.map((name) =>
        `${displayName(name)} is already queued; it will now be pulled ${requestText(name)}`
      ),
      ...skipped.map((name) => `skipped ${displayName(name)}: already in the queue`),
      `added ${counted(added.length, "model")} to the queue`,
    ],
    document: {
      added: added.map(fieldsOf),
      changed: changed.map(fieldsOf),
      skipped: skipped.map(fieldsOf),
    },
  });
}

/** The parsed flags of a removal. */
export interface RemoveFlags extends FolderFlags {
  readonly done?: true | undefined;
}

/**
 * Removes entries by their positions in the list: all of them, or none if one cannot be removed. With `--done`, and no
 * position, those that are completed.
 */
export async function removeFromQueue(
  positions: readonly number[],
  flags: RemoveFlags,
  host: Host,
  openQueue: OpenQueue,
): Promise<void> {
  const { done = false } = flags;
  if ((positions.length > 0) === done) {
    throw new PullamaError("usage", done ? BOTH : NEITHER, {
      hint: "see the positions with: pullama queue list",
    });
  }
  const queue = await openQueue(modelsDir(flags.modelsDir, host));
  const chosen = done ? "completed" : positions;
  const removed = await queue.remove(chosen, waitMessages(host, flags.color));
  const lines = removed.map((row) => `removed ${modelText(row)} from the queue`);
  writeResult(flags, host, {
    lines: lines.length > 0 ? lines : ["no entry is completed"],
    document: {
      removed: removed.map((row) => row.name ? fieldsOf(row.name) : { name: modelText(row) }),
    },
  });
}

const NEITHER = "name the positions to remove, or --done for all completed entries";
const BOTH = "name either positions to remove, or --done for all completed entries";

function requestText({ scheme, digest }: ModelName): string {
  const over = `over ${scheme === "http" ? "plain http" : "https"}`;
  return digest ? `${over}, as ${shortId(digest)}` : over;
}

/** The fields as in the list of the queue: https is the default and omitted. */
function fieldsOf(name: ModelName): Readonly<Record<string, unknown>> {
  return {
    name: displayName(name),
    full_name: fullName(name),
    scheme: name.scheme === "http" ? "http" : undefined,
    digest: name.digest,
  };
}

function writeResult(
  { output, quiet, color }: FolderFlags,
  host: Host,
  { lines, document }: { readonly lines: readonly string[]; readonly document: unknown },
): void {
  const { out } = outputs(host, color);
  if (output === "json") out.write(jsonText(document));
  else if (output === "debug") out.write(inspectText(document, out.color));
  else if (!quiet) out.write(lines.map((line) => `${line}\n`).join(""));
}
