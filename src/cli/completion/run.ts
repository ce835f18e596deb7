/** The hidden command that the completion scripts call. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { displayName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { homeIn } from "../../setup/environment.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { type Candidate, complete, type CompletionSources } from "./candidates.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { PATHS, SHELLS } from "./shells.ts";

/** The dependencies of completion. */
export interface CompletionWire extends ModelsWire {
  readonly openQueue: OpenQueue;
}

/**
 * The candidates for the last of `words`, one per line, or a line with the kind of path to
 * complete.
 */
export async function runCompletion(
  words: readonly string[],
  root: CommandUnknownOpts,
  host: Host,
  wire: CompletionWire,
): Promise<string> {
  const found = await complete(words, root, sourcesOf(host, wire));
  return typeof found === "string" ? `${PATHS[found]}\n` : found.map(lineOf).join("");
}

function lineOf({ value, about }: Candidate): string {
  return about === undefined ? `${value}\n` : `${value}\t${about}\n`;
}

/** Errors yield no candidates: there is no place to report them while the user is typing. */
function sourcesOf(host: Host, wire: CompletionWire): CompletionSources {
  const orNone = async (find: () => Promise<Candidate[]>) => {
    try {
      return await find();
    } catch {
      return [];
    }
  };
  return {
    shells: SHELLS,
    home: homeIn(host.env),
    models: (folder) =>
      orNone(async () => {
        const models = await wire.openModels(modelsDir(folder, host));
        return (await models.list()).models.map(({ name, size }) => ({
          value: displayName(name),
          ...(size !== undefined && { about: formatSize(size) }),
        }));
      }),
    positions: (folder) =>
      orNone(async () => {
        const { modelText } = await import("../../ui/reports/queue_list.ts");
        const queue = await wire.openQueue(modelsDir(folder, host));
        const rows = await queue.peek();
        return rows.filter(({ status }) => status !== "active").map((row) => ({
          value: String(row.position),
          about: modelText(row, false),
        }));
      }),
  };
}
