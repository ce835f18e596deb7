/** Exports installed models to an archive. */

import {
  type ArchiveSink,
  archiveSize,
  type EntrySource,
  type ExportEntry,
  writeArchive,
} from "../../archive/export.ts";
import { blobPath, manifestPath } from "../../archive/rules.ts";
import type { Digest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import type { ExportReport, ExportWatcher } from "../../core/reports/archive.ts";
import { formatSize } from "../../core/units.ts";
import { folderOf } from "../../io/atomic.ts";
import { systemClock } from "../../io/clock.ts";
import { realDisk } from "../../io/disk.ts";
import { fileSystemOf, freeBytes, requireFree } from "../../io/file_system.ts";
import { RateLimit, steadyPace } from "../../io/limit.ts";
import { MOST_PARTS } from "../../io/streams/part_files.ts";
import { PartWriter } from "../../io/streams/part_writer.ts";
import type { ModelFiles } from "../../store/read/model_files.ts";
import { openFolder } from "../../store/store.ts";

export interface ExportOptions {
  readonly modelsDir: string;
  readonly models: readonly ModelName[];
  /** A file, or what takes the bytes in order. */
  readonly to: string | ((bytes: Uint8Array) => Promise<void>);
  /** Bytes of each file but the last; absent: one file. */
  readonly split?: number;
  /** Blobs that are left out. */
  readonly skip: ReadonlySet<Digest>;
  /** Replace an archive that is there, and write even if there is not enough disk space. */
  readonly force: boolean;
  /** Bytes a second; absent: no limit. */
  readonly limitRate?: number;
}

export type ExportModels = (
  options: ExportOptions,
  watcher: ExportWatcher,
) => Promise<ExportReport>;

const SPACE_HINT = "free some space, choose another file with --file, or try anyway with --force";
/** FAT takes no file of 4 GiB, which is what people mean by its largest one. */
const FAT_LIMIT = 2 ** 32;

/**
 * Writes the archive. Rejects with `not_found` for a model that is not installed or not complete, `usage` where the
 * archive exists, `busy` where another process is writing it, `digest` for a damaged blob, `disk_full`, kind local, and
 * the reason of the signal: then what was written to a file is kept, and the next run continues there.
 */
export async function exportModels(
  options: ExportOptions,
  watcher: ExportWatcher,
): Promise<ExportReport> {
  const { modelsDir, models, to, skip } = options;
  const { signal } = watcher;
  const files = await openFolder(modelsDir).files(models, skip);
  signal.throwIfAborted();
  const entries = entriesOf(files);
  const total = archiveSize(entries);
  const report = (found: number, names: readonly string[]): ExportReport => ({
    models: files.models.map(({ name }) => name),
    blobs: files.blobs.length,
    skipped: files.skipped,
    bytes: total,
    found,
    files: names,
  });
  const tools = {
    signal,
    limit: new RateLimit(steadyPace(options.limitRate), systemClock),
    onProgress: (done: number, wasThere: boolean) => watcher.onProgress(done, total, wasThere),
  };
  if (typeof to !== "string") {
    const found = await writeArchive(entries, streamSink(to), tools);
    return report(found, []);
  }
  const partSize = options.split === FAT_LIMIT ? FAT_LIMIT - 1 : options.split ?? Infinity;
  if (total / partSize > MOST_PARTS) {
    throw new PullamaError("usage", `--split makes more than ${MOST_PARTS} files of this archive`, {
      hint: `choose a larger size: the archive has ${formatSize(total)}`,
    });
  }
  if (!options.force) requireFit(to, total, partSize);
  await using sink = await PartWriter.open({
    disk: realDisk,
    path: to,
    partSize,
    replace: options.force,
  });
  if (!options.force) requireFree(total - sink.kept, freeBytes(folderOf(to)), "write", SPACE_HINT);
  const found = await writeArchive(entries, sink, tools);
  return report(found, await sink.finish());
}

function entriesOf({ blobs, models }: ModelFiles): readonly ExportEntry[] {
  return [
    ...blobs.map(({ blob: { digest, size }, ...file }) => ({
      ...file,
      path: blobPath(digest),
      digest,
      size,
    })),
    ...models.map(({ name, manifest: { bytes, digest }, modifiedMs }) => ({
      path: manifestPath(name),
      digest,
      size: bytes.length,
      modifiedMs,
      open: () => Promise.resolve(bytesSource(bytes)),
    })),
  ];
}

function bytesSource(bytes: Uint8Array): EntrySource {
  return {
    isVerified: true,
    isSame: () => Promise.resolve(true),
    readAt(buffer: Uint8Array, position: number): Promise<number> {
      const piece = bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      return Promise.resolve(piece.length);
    },
    close() {},
  };
}

/** A sink that can only be written to. */
function streamSink(write: (bytes: Uint8Array) => Promise<void>): ArchiveSink {
  return { kept: 0, readAt: () => Promise.resolve(0), cut: () => Promise.resolve(), write };
}

function requireFit(path: string, total: number, partSize: number): void {
  const largest = fileSystemOf(path)?.largestFile ?? Infinity;
  if (Math.min(total, partSize) <= largest) return;
  throw new PullamaError(
    "disk_full",
    `file too large: the file system of ${path} takes no file of ${formatSize(total)}`,
    { hint: "write several files with --split 4G" },
  );
}
