/** `pullama serve`: offers the models of a folder until it is stopped. */

import type { ModelName } from "../../core/name.ts";
import { displayName } from "../../core/name.ts";
import type { ServedRequest, ServerStart } from "../../core/reports/serve.ts";
import type { Address } from "../../setup/serve/address.ts";
import type { ServeModels } from "../../setup/serve/serve.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import {
  servedEvent,
  servedLine,
  serverEndEvent,
  serverEndText,
  serverStartEvent,
  serverStartText,
} from "../../ui/reports/serve.ts";
import { inspectText, jsonText } from "../../ui/text/json.ts";
import { warningText } from "../../ui/text/message.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";
import { absolute } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";

/** The dependencies of this command. */
export interface ServeWire {
  readonly serveModels: ServeModels;
}

/** The parsed flags of this command. */
export interface ServeFlags extends FolderFlags {
  readonly listen: Address;
  readonly host?: readonly string[] | undefined;
  readonly share?: readonly ModelName[] | undefined;
  readonly list?: true | undefined;
  readonly maxClients: number;
  readonly limitRate?: number | undefined;
}

/** Resolves after a signal. Rejects where nothing can be served. */
export async function runServe(flags: ServeFlags, host: Host, wire: ServeWire): Promise<void> {
  const { mode, quiet, verbose, color } = displayOptions(flags);
  const { out, err } = outputs(host, color);
  const { listen, limitRate, maxClients, list = false, share: shared = [] } = flags;
  const hosts = flags.host ?? [];
  const documents = mode === "json" || mode === "debug";
  /** What is not read is dropped, except for start and end. */
  const print = (document: { readonly event: string }, always: boolean) => {
    const time = host.clock.date().toISOString();
    const text = mode === "json"
      ? jsonText({ ...document, time })
      : inspectText(document, out.color);
    if (always) out.write(text);
    else out.progress(text);
  };
  const onStart = (start: ServerStart) => {
    if (documents) print(serverStartEvent(start), true);
    else if (!quiet) out.write(serverStartText(start, out));
    for (const name of shared) {
      const shown = displayName(name);
      const { served, incomplete } = start.offer;
      if (served.includes(shown)) continue;
      const what = incomplete.includes(shown) ? "not complete" : "not installed";
      const hint = "it is served as soon as it is there and complete";
      err.write(warningText(`${shown} of --share is ${what}`, hint, err));
    }
  };
  const onRequest = (request: ServedRequest) => {
    if (documents) print(servedEvent(request), false);
    else if (verbose && !quiet) out.progress(servedLine(request, out));
  };
  const options = {
    modelsDir: absolute(modelsDir(flags.modelsDir, host), host),
    listen,
    hosts,
    shared,
    list,
    maxClients,
    ...(limitRate !== undefined && { limitRate }),
  };
  const end = await wire.serveModels(options, { onStart, onRequest }, host.stop.soft);
  if (documents) print(serverEndEvent(end), true);
  else out.write(serverEndText(end));
}
