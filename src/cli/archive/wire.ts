/** The dependencies of the commands for archives. */

import type { Stop } from "../../core/stop.ts";
import type { Engine } from "../../setup/engine.ts";
import type { ExportModels } from "../../setup/local/export.ts";
import type { ImportOptions, OpenArchive, ReceiveWatcher } from "../../setup/local/import.ts";
import type { ModelsWire } from "../host/models_wire.ts";

export interface ArchiveWire extends ModelsWire {
  readonly exportModels: ExportModels;
  readonly openArchives: (
    given: readonly string[],
    signal: AbortSignal,
  ) => Promise<readonly OpenArchive[]>;
  readonly receiveModels: (
    stream: ReadableStream<Uint8Array>,
    options: ImportOptions,
    signal: AbortSignal,
    watcher: ReceiveWatcher,
  ) => Promise<OpenArchive>;
  /** An engine that imports what an archive has. */
  readonly openImporter: (
    archive: OpenArchive,
    options: ImportOptions,
    stop: Stop,
  ) => Promise<Engine>;
}
