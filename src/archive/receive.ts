/**
 * Receives an archive from a stream: each blob is stored as it comes, without a name that others see, until the
 * manifests at the end say which model it belongs to.
 */

import type { BlobWatcher, Session, Store } from "../core/content.ts";
import { type Digest, shortId } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import { type Clock, systemClock } from "../io/clock.ts";
import { requireFree } from "../io/file_system.ts";
import { type ArchivedModel, cutOff, ModelReader } from "./contents.ts";
import { membersIn } from "./format.ts";
import { Rules } from "./rules.ts";
import type { StreamInput } from "./stream_input.ts";

export interface Receiving {
  readonly store: Store;
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Begin although the disk seems too small. */
  readonly force: boolean;
  /** Called with the bytes of the archive that were read, while those that were kept are verified. */
  readonly onProgress: (read: number) => void;
  readonly waiting: BlobWatcher["waiting"];
  readonly clock?: Clock;
}

/** Milliseconds between two checkpoints: what a power cut costs at most. */
const CHECKPOINT_MS = 2000;
/** Bytes after the end of an archive that are read: tar fills its last record. */
const MOST_AFTER = 1024 * 1024;
/** The most bytes of one write. */
const WRITE = 1024 * 1024;
/** The media type of a blob stands in a manifest, which has not come yet. */
const UNKNOWN_TYPE = "application/octet-stream";

/**
 * Stores the blobs of an archive and returns its models.
 * Rejects with kind `archive` for what is no archive of models, `digest` for a damaged blob, `disk_full`, kind local,
 * and the reason of the signal. What was stored is kept, and is not written again by a later run.
 */
export async function receiveArchive(
  input: StreamInput,
  tools: Receiving,
): Promise<readonly ArchivedModel[]> {
  const rules = new Rules();
  const reader = new ModelReader();
  for await (const member of membersIn(input)) {
    tools.signal.throwIfAborted();
    const content = rules.judge(member);
    const { size } = member;
    if (content.is === "manifest") await reader.read(input, content.name, size);
    if (content.is !== "blob") continue;
    const { digest } = content;
    const at = input.position;
    await receiveBlob(input, { mediaType: UNKNOWN_TYPE, digest, size }, tools);
    await input.skipTo(at + size);
    // One that is here already was not read: whether it was all there shows only now.
    if (input.position < at + size) throw cutOff(at + size - input.position);
  }
  await input.drain(MOST_AFTER);
  const { models } = reader;
  if (models.length > 0) return models;
  throw new PullamaError("archive", "it ends without a manifest, so it has no model", {
    hint: "copy it again; what has arrived is kept",
  });
}

async function receiveBlob(
  input: StreamInput,
  blob: Descriptor,
  tools: Receiving,
): Promise<void> {
  const { session, signal, waiting, onProgress } = tools;
  const { digest, size } = blob;
  if (size === 0) {
    const actual = await session.put(blob, new Uint8Array());
    if (actual !== digest) throw mismatch(blob, actual);
    return;
  }
  let lost: string | undefined;
  const watcher: BlobWatcher = {
    lost: (_range, _count, reason) => lost = reason,
    distrusted() {},
    waiting,
    verifying: () => onProgress(input.position),
  };
  if (await session.verifyOrQuarantine(blob, signal, watcher)) return;
  await using ingest = await session.ingest(blob, signal, watcher);
  if (!ingest) return;
  const before = ingest.kept();
  await requireRoom(tools, size - before);
  const start = input.position;
  let saved = 0;
  const { clock = systemClock } = tools;
  for (const range of ingest.plan([{ start: 0, end: size }])) {
    await input.skipTo(start + range.start);
    const writer = await ingest.writer(range.start);
    try {
      while (writer.position < range.end) {
        signal.throwIfAborted();
        const piece = await input.take(Math.min(WRITE, range.end - writer.position));
        if (!piece) throw cutOff(range.end - writer.position);
        await writer.write(piece);
        if (clock.now() - saved < CHECKPOINT_MS) continue;
        await ingest.checkpoint();
        saved = clock.now();
      }
    } finally {
      writer.close();
    }
  }
  const sealed = await ingest.seal();
  if (sealed === "sealed") return;
  const { actual } = ingest;
  if (sealed === "incomplete") {
    const message = `what was kept of blob ${shortId(digest)} was wrong: ${lost}`;
    throw new PullamaError("digest", message, { hint: AGAIN });
  }
  // What came now may be right, and what an earlier stream has left wrong.
  if (await ingest.dropDoubtful() === 0) await ingest.forget({ start: 0, end: size });
  throw mismatch(blob, actual, before > 0 ? AGAIN : undefined);
}

const AGAIN = "import the archive again: that part is stored anew";

function mismatch(
  { digest }: Descriptor,
  actual: Digest | undefined,
  hint = "the archive is damaged: copy it again, or make it again",
): PullamaError {
  const is = actual ? `: it is ${shortId(actual)}` : "";
  return new PullamaError("digest", `digest mismatch in blob ${shortId(digest)}${is}`, { hint });
}

async function requireRoom({ store, force }: Receiving, needed: number): Promise<void> {
  if (force) return;
  const hint = "free some space, choose another --models-dir, or try anyway with --force";
  requireFree(needed, (await store.room()).free, "import", hint);
}
