/** What the hidden command answers that the scripts for shells ask. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { displayName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { type Candidate, complete, type CompletionSources } from "./candidates.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { PATHS, SHELLS } from "./shells.ts";

/** What completion needs to be wired to. */
export interface CompletionWire extends ModelsWire {
  readonly openQueue: OpenQueue;
}

/** A candidate a line for the last of `words`, or a line that says what kind of path is wanted. */
export async function runCompletion(
  words: readonly string[],
  root: CommandUnknownOpts,
  host: Host,
  wire: CompletionWire,
): Promise<string> {
  const answer = await complete(words, root, sourcesOf(host, wire));
  return typeof answer === "string" ? `${PATHS[answer]}\n` : answer.map(lineOf).join("");
}

function lineOf({ value, about }: Candidate): string {
  return about === undefined ? `${value}\n` : `${value}\t${about}\n`;
}

/** What cannot be read completes nothing: there is no place for an error while somebody types. */
function sourcesOf(host: Host, wire: CompletionWire): CompletionSources {
  const quietly = async (find: () => Promise<Candidate[]>) => {
    try {
      return await find();
    } catch {
      return [];
    }
  };
  return {
    shells: SHELLS,
    home: host.env("HOME") || undefined,
    models: (folder) =>
      quietly(async () => {
        const models = await wire.openModels(modelsDir(folder, host));
        return (await models.list()).models.map(({ name, size }) => ({
          value: displayName(name),
          ...(size !== undefined && { about: formatSize(size) }),
        }));
      }),
    positions: (folder) =>
      quietly(async () => {
        const { modelText } = await import("../../ui/reports/queue_list.ts");
        const queue = await wire.openQueue(modelsDir(folder, host));
        const rows = await queue.rows({ signal: AbortSignal.abort(), onWait() {} });
        return rows.filter(({ status }) => status !== "active").map((row) => ({
          value: String(row.position),
          about: modelText(row, false),
        }));
      }),
  };
}
