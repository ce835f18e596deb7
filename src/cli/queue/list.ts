/** `pullama queue list`. */

import { modelsDir } from "../../setup/models_dir.ts";
import { inspectText, jsonText } from "../../ui/text/json.ts";
import type { QueueRow } from "../../core/reports/queue_row.ts";
import { modelText, pinText, queueDocument, queueListText } from "../../ui/reports/queue_list.ts";
import { type Host, outputs } from "../host/host.ts";
import type { FolderFlags } from "../args/options.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { waitMessages } from "./wait.ts";

/** Lists the entries of the queue. */
export async function listQueue(
  flags: FolderFlags,
  host: Host,
  openQueue: OpenQueue,
): Promise<void> {
  const queue = await openQueue(modelsDir(flags.modelsDir, host));
  const rows = await queue.rows(waitMessages(host, flags.color));
  const written = rows.map(withScheme);
  const { out } = outputs(host, flags.color);
  switch (flags.output) {
    case "json":
      return out.write(jsonText(queueDocument(rows)));
    case "debug":
      return out.write(inspectText(queueDocument(rows), out.color));
    default:
      if (flags.quiet) {
        return out.write(written.map((row) => `${modelText(row)}${pinText(row, true)}\n`).join(""));
      }
      return out.write(queueListText(written, out, flags.verbose ?? false));
  }
}

/**
 * Valid names are shown without scheme, others as written: dropping the name makes plain http
 * visible.
 */
function withScheme(row: QueueRow): QueueRow {
  return row.name?.scheme === "http" ? { ...row, name: undefined } : row;
}
