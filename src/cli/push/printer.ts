/** What a push prints of one model, in all modes of output. */

import type { PullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import type { PushEvent } from "../../core/reports/push.ts";
import { formatSize } from "../../core/units.ts";
import { pushLine, pushPlanText, pushSummary } from "../../ui/reports/push.ts";
import { pushFailedFields, pushFields, pushInterruptedFields } from "../../ui/reports/push_json.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import { warningText } from "../../ui/text/message.ts";
import { type ArchivePrinter, archivePrinter } from "../archive/printer.ts";
import type { DisplayOptions } from "../args/options.ts";
import { type Host, outputs } from "../host/host.ts";

/** The events that are printed with --quiet as well: those that end a push. */
const LAST: readonly string[] = ["push_completed", "push_dry_run"];

export class PushPrinter {
  readonly #out: Terminal;
  readonly #err: Terminal;
  #progress: ArchivePrinter;
  #done = 0;
  /** Bytes of blobs that the registry has whole. */
  #kept = 0;
  #started = false;
  /** Requests that are ended may still say what they have sent. */
  #ended = false;

  constructor(private readonly host: Host, private readonly display: DisplayOptions) {
    const { out, err } = outputs(host, display.color);
    this.#out = out;
    this.#err = err;
    this.#progress = archivePrinter(out, host.clock, display, "pushing", undefined);
  }

  event(event: PushEvent): void {
    this.#started = true;
    if (event.event === "warning") {
      this.#progress.end("");
      this.#err.write(warningText(event.message, event.hint, this.#err));
    }
    if (event.event === "bytes") {
      if (this.#ended) return;
      this.#done += event.count;
      this.#progress.progress(this.#done, Math.max(0, event.moved));
      return;
    }
    this.#print(event);
    if (event.event === "push_manifest") this.#begin(event.size, event.there);
    if (event.event === "blob_pushed" || event.event === "blob_mounted") {
      this.#kept += event.blob.size;
    }
  }

  failed(name: ModelName, error: PullamaError): void {
    this.#ended = true;
    this.#progress.event("push_failed", pushFailedFields(name, error));
    this.close();
  }

  /** What is complete stays; of the rest the registry keeps what it can. */
  interrupted(name: ModelName): void {
    this.#ended = true;
    this.#progress.event("push_interrupted", pushInterruptedFields(name, this.#kept));
    const { quiet, mode } = this.display;
    const people = this.#started && !quiet && (mode === "table" || mode === "compact");
    const kept = `stopped: ${formatSize(this.#kept)} in whole blobs are at the registry`;
    this.#progress.end(people ? `${kept}\n` : "");
  }

  close(): void {
    this.#progress.end("");
  }

  #begin(size: number, there: number): void {
    const { host, display } = this;
    this.#progress.end("");
    this.#progress = archivePrinter(this.#out, host.clock, display, "pushing", size);
    this.#done = this.#kept = there;
    this.#progress.progress(there, 0);
  }

  #print(event: PushEvent): void {
    const { quiet, verbose, mode } = this.display;
    const out = this.#out;
    if (mode === "json" || mode === "debug") {
      const fields = pushFields(event);
      const isShown = !quiet || LAST.includes(event.event);
      if (fields && isShown) this.#progress.event(event.event, fields);
    } else if (event.event === "push_completed") {
      this.#progress.end(pushSummary(event.summary, out));
    } else if (event.event === "push_dry_run") {
      this.#progress.end(pushPlanText(event.plan, out));
    } else if (!quiet && mode === "table") {
      const line = pushLine(event, out, verbose);
      if (line !== undefined) this.#progress.say(line);
    }
  }
}
