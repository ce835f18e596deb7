/** Imports the models of an archive: pulls whose registry is a file, or was a stream. */

import { ArchiveSource } from "../../archive/archive_source.ts";
import { type Contents, contentsOf } from "../../archive/contents.ts";
import { receiveArchive } from "../../archive/receive.ts";
import { StreamInput } from "../../archive/stream_input.ts";
import { shortId } from "../../core/digest.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import type { Emit, Summary } from "../../core/events.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { Stop } from "../../core/stop.ts";
import { onAbort } from "../../io/abort.ts";
import { openDisk } from "../../io/disk.ts";
import { fileError } from "../../io/file_error.ts";
import { steadyPace } from "../../io/limit.ts";
import { archivesIn, PartFiles } from "../../io/streams/part_files.ts";
import type { ByteSource } from "../../io/streams/file_stream.ts";
import { openFolder } from "../../store/store.ts";
import { pullModel } from "../../transfer/pull.ts";
import type { Engine } from "../engine.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "../owner.ts";
import { TOOL } from "../version.ts";
import { localSettings } from "./settings.ts";
import { requireStorable } from "../storable.ts";

export interface ImportOptions {
  readonly modelsDir: string;
  /** Replace models that are installed with another manifest. */
  readonly replace: boolean;
  /** Import even if there is not enough disk space, or it is not a model. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Bytes a second; absent: no limit. */
  readonly limitRate?: number;
}

/** An archive whose headers and manifests were read. */
export interface OpenArchive extends AsyncDisposable {
  /** As the user may call it. */
  readonly path: string;
  readonly models: readonly ModelName[];
  /**
   * An engine that imports them. `become`: if this is root in a folder of another user, called before anything in there
   * changes. Rejects with kind local.
   */
  engine(options: ImportOptions, stop: Stop, become?: BecomeOwner): Promise<Engine>;
}

/** What is told while a stream is received. */
export interface ReceiveWatcher {
  /** Bytes that were read. */
  readonly onProgress: (read: number) => void;
  readonly waiting: (holder: string | undefined) => void;
}

/**
 * The archives that `given` names. Rejects with kind `archive` for a file that is none, naming it, `usage` where a part
 * is missing, kind local, and the reason of the signal.
 */
export async function openArchives(
  given: readonly string[],
  signal: AbortSignal,
): Promise<readonly OpenArchive[]> {
  await using opened = new AsyncDisposableStack();
  const archives: OpenArchive[] = [];
  for (const { path, parts } of await archivesIn(given)) {
    const files = await PartFiles.open(parts);
    opened.defer(() => files.close());
    const contents = await contentsOf(files, signal).catch((error) => {
      throw about(path, error);
    });
    archives.push(archiveOf(path, files, contents, () => files.close()));
  }
  opened.move();
  return archives;
}

/**
 * Receives an archive from `stream`: its blobs are stored when this resolves, and its models can be imported. Until it is
 * disposed no other process removes them. Rejects as `receiveArchive` does; what was stored is kept.
 */
export async function receiveModels(
  stream: ReadableStream<Uint8Array>,
  { modelsDir, force }: ImportOptions,
  signal: AbortSignal,
  watcher: ReceiveWatcher,
  become: BecomeOwner = refuseOwner,
): Promise<OpenArchive> {
  const path = "standard input";
  const owner = await foreignOwner(modelsDir);
  if (owner) await become(owner);
  const input = new StreamInput(stream, watcher.onProgress);
  using _ended = onAbort(signal, () => void input.cancel());
  const store = openFolder(modelsDir, { tool: TOOL });
  await using held = new AsyncDisposableStack();
  const session = held.use(await store.enter(signal, watcher.waiting));
  try {
    const models = await receiveArchive(input, { store, session, signal, force, ...watcher });
    const contents = { models, blobs: new Map() };
    const kept = held.move();
    return archiveOf(path, NO_FILE, contents, async () => {
      await kept.disposeAsync();
      // While a session is open nothing is removed.
      await store.dropReplaced();
    });
  } catch (error) {
    signal.throwIfAborted();
    throw about(path, fileError(error, "read", path));
  } finally {
    await input.cancel();
  }
}

/** All of a stream is stored: nothing is read. */
const NO_FILE = { readAt: () => Promise.resolve(0) };

function archiveOf(
  path: string,
  file: Pick<ByteSource, "readAt">,
  contents: Contents,
  close: () => void | Promise<void>,
): OpenArchive {
  return {
    path,
    models: contents.models.map(({ name }) => name),
    async engine(options, stop, become = refuseOwner) {
      const { modelsDir, force, dryRun, replace, limitRate } = options;
      const owner = dryRun ? undefined : await foreignOwner(modelsDir);
      if (owner) await become(owner);
      const settings = localSettings({ force, dryRun });
      const source = new ArchiveSource(path, file, contents);
      return {
        async pull(name: ModelName, emit: Emit): Promise<Summary | undefined> {
          requireStorable(name);
          const disk = openDisk((message) => emit({ event: "note", message }));
          const store = openFolder(modelsDir, { tool: TOOL, disk });
          try {
            const manifest = await source.manifest(name, stop.soft);
            const installed = await store.installed(await store.spelling(name));
            if (installed && installed !== manifest.digest && !replace) {
              throw isOther(shortId(installed), shortId(manifest.digest));
            }
            const statuses = await store.survey(distinctBlobs(manifest));
            source.require(
              statuses.filter(({ state }) => state === "missing").map(({ blob }) => blob),
            );
            const pace = steadyPace(limitRate);
            return await pullModel(name, { source, store, settings, pace, stop, emit });
          } catch (error) {
            throw inWordsOfImports(asPullamaError(error), path);
          }
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    [Symbol.asyncDispose]: async () => await close(),
  };
}

function isOther(installed: string, archived: string): PullamaError {
  const message = `it is installed as ${installed}, and the archive has ${archived}`;
  return new PullamaError("moved", message, {
    hint: "to have that of the archive instead: --replace",
  });
}

/** An error of a pull, of which the hint is about a registry. */
function inWordsOfImports(error: PullamaError, path: string): PullamaError {
  const { kind, message, hint } = error;
  const text = message.replaceAll("to download", "to import");
  if (kind === "digest") {
    const hint = `${path} is damaged: copy it again, or make it again`;
    return new PullamaError(kind, text, { hint, cause: error });
  }
  if (text === message) return error;
  return new PullamaError(kind, text, { ...(hint !== undefined && { hint }), cause: error });
}

/** The error with the archive that it is about. */
function about(path: string, error: unknown): unknown {
  if (!(error instanceof PullamaError) || error.kind !== "archive") return error;
  const { kind, message, hint } = error;
  const said = `cannot import ${path}: ${message}`;
  return new PullamaError(kind, said, { ...(hint !== undefined && { hint }), cause: error });
}
