/** Sends one blob: in one request where it is small, otherwise in chunks that a later attempt or run continues. */

import { shortId } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Upload, UploadNote, UploadPart } from "../core/upload/target.ts";
import { Deadline, LateController } from "../io/abort.ts";
import { RunningHash } from "../io/streams/running_hash.ts";
import type { Attempts } from "./attempts.ts";
import { BlobAmounts } from "./amounts.ts";
import { ChunkLength } from "./chunk_length.ts";
import type { PushContext } from "./context.ts";
import { DamagedBlob } from "./damaged.ts";
import { BlobReading } from "./reading.ts";

/** Bytes: blobs up to this, and up to one chunk, are read into memory and sent with the request that completes them. */
const SMALL = 4 * 1024 * 1024;
/** Requests for a mount. */
const MOST_MOUNTS = 2;
/** Milliseconds that a chunk may take to its end once the push is to stop. */
const GRACE_MS = 2000;

export interface BlobWork {
  readonly name: ModelName;
  readonly blob: Descriptor;
  /** A model that was pushed with this blob, to another repository. */
  readonly from: ModelName | undefined;
  readonly signal: AbortSignal;
}

/** How the registry got the blob, and the bytes that were sent for it. */
export interface Uploaded {
  readonly how: "sent" | "mounted";
  readonly sent: number;
}

/**
 * Rejects with `digest` where the blob is not what its digest says, before it is completed, or the registry says so; and
 * with what source, target and the signal reject with.
 */
export async function uploadBlob(
  context: PushContext,
  attempts: Attempts,
  work: BlobWork,
): Promise<Uploaded> {
  const { notes, target } = context;
  const { name, blob } = work;
  const isSmall = blob.size <= Math.min(SMALL, context.settings.chunkSize);
  const noted = isSmall ? undefined : notes?.open(target.place(name), blob);
  await using note = await noted;
  using late = new LateController(work.signal, GRACE_MS);
  const upload = new BlobUpload(context, attempts, work, isSmall, note, late.signal);
  return await upload.run();
}

class BlobUpload {
  readonly #reading: BlobReading;
  readonly #length: ChunkLength;
  readonly #amounts: BlobAmounts;
  #upload: Upload | undefined;
  /** The registry may have more of the upload, or less, than is known. */
  #isDoubtful = true;
  /** A request may have completed the blob although its response was lost. */
  #mayBeThere = false;
  #refusals = 0;
  #mounts = 0;
  /** Failures in a row of an upload that the registry does not continue. */
  #stales = 0;

  constructor(
    private readonly context: PushContext,
    private readonly attempts: Attempts,
    private readonly work: BlobWork,
    private readonly isSmall: boolean,
    private readonly note: UploadNote | undefined,
    /** Ends a chunk that has begun. */
    private readonly late: AbortSignal,
  ) {
    const { name, blob } = work;
    this.#reading = new BlobReading(context, name, blob, new RunningHash(), late);
    const { settings: { chunkSize, connections }, limit: { rate } } = context;
    this.#length = new ChunkLength(chunkSize, rate && rate / connections);
    this.#amounts = new BlobAmounts(blob, context.emit);
    this.#upload = note?.upload;
  }

  async run(): Promise<Uploaded> {
    const { blob, signal } = this.work;
    const attempt = () => this.#attempt().finally(() => this.#reading.leave());
    const how = await this.attempts.run(blob.digest, blob.size, signal, attempt, (error) => {
      this.#isDoubtful = true;
      this.#length.failed(error);
      this.#failed(error);
      return this.#amounts.gained();
    });
    await this.note?.drop();
    this.#amounts.reset(blob.size);
    return { how, sent: this.#amounts.sent };
  }

  async #attempt(): Promise<Uploaded["how"]> {
    const { target } = this.context;
    const { name, blob, from, signal } = this.work;
    if (this.isSmall) this.#upload = undefined;
    let isLost = false;
    if (this.#upload && this.#isDoubtful) {
      const known = await target.state(name, this.#upload, signal);
      isLost = !known || known.offset > blob.size;
      if (!isLost) this.#upload = known;
    }
    // An upload that is complete is forgotten as well.
    const mayBeComplete = this.#mayBeThere && (isLost || !this.#upload);
    if (mayBeComplete && await target.has(name, blob, signal)) return "sent";
    if (isLost) await this.#lost();
    this.#isDoubtful = false;
    if (!this.#upload) {
      const mounted = this.#mounts++ < MOST_MOUNTS ? from : undefined;
      const begun = await target.begin(name, blob, mounted, signal);
      if (!begun) return "mounted";
      this.#upload = begun;
      await this.note?.save(begun);
    }
    this.#amounts.acknowledged(this.#upload.offset);
    if (this.isSmall) await this.#sendWhole(this.#upload);
    else await this.#sendChunks();
    return "sent";
  }

  async #sendChunks(): Promise<void> {
    const { target, clock } = this.context;
    const { name, blob, signal } = this.work;
    let upload = this.#upload!;
    while (upload.offset < blob.size) {
      await this.#reading.hashUpTo(upload.offset);
      signal.throwIfAborted();
      const most = Math.max(this.#length.bytes, upload.least);
      const end = Math.min(blob.size, upload.offset + most);
      const part = this.#part(upload.offset, end);
      using attempt = this.#deadline();
      const began = clock.now();
      upload = await target.append(name, upload, part, attempt.signal);
      this.#upload = upload;
      const taken = upload.offset - part.range.start;
      if (taken < (end - part.range.start) / 2) throw this.#tookLess(taken);
      this.#length.took(taken, clock.now() - began);
      this.#stales = 0;
      this.#amounts.acknowledged(upload.offset);
      await this.note?.save(upload);
    }
    await this.#reading.hashUpTo(blob.size);
    signal.throwIfAborted();
    await this.#requireDigest();
    await this.#finish(upload, undefined);
  }

  /** A blob that is not what its digest says is not even sent. */
  async #sendWhole(upload: Upload): Promise<void> {
    const { size } = this.work.blob;
    await this.#reading.hashUpTo(0);
    const pieces = await Array.fromAsync(this.#reading.stream({ start: 0, end: size }, () => {}));
    await this.#requireDigest();
    const open = () => {
      this.#amounts.reset(0);
      return this.#reading.replay(pieces, (count) => this.#amounts.passed(count));
    };
    await this.#finish(upload, { range: { start: 0, end: size }, open });
  }

  async #finish(upload: Upload, last: UploadPart | undefined): Promise<void> {
    const { name, blob, signal } = this.work;
    this.#mayBeThere = true;
    await this.context.target.finish(name, upload, blob, last, signal);
  }

  #part(start: number, end: number): UploadPart {
    const range = { start, end };
    const passed = (count: number) => this.#amounts.passed(count);
    return {
      range,
      open: () => {
        // What was sent of it before is sent again.
        this.#amounts.reset(start);
        return this.#reading.stream(range, passed);
      },
    };
  }

  async #requireDigest(): Promise<void> {
    const { target, source } = this.context;
    const { name, blob, signal } = this.work;
    const actual = this.#reading.hash.digest();
    if (actual === blob.digest) return;
    await target.drop(name, this.#upload!, signal);
    await this.#lost();
    source.forgetAddress(name, blob);
    const what = `digest mismatch in blob ${shortId(blob.digest)} (got ${actual})`;
    throw new DamagedBlob(what, source.isRemote);
  }

  /** What is called for before the next attempt. Throws where that would fail in the same way. */
  #failed(error: PullamaError): void {
    if (error instanceof DamagedBlob) {
      if (error.isFinal) throw error;
      return;
    }
    if (error.kind === "stale") {
      // It says that it has the upload, and does not continue it: the next attempt begins a new one.
      if (++this.#stales > 1) this.#forget();
      return;
    }
    this.#stales = 0;
    if (error.kind !== "digest") return;
    // The bytes were right: the registry has put them together in a wrong way, maybe from an earlier upload.
    if (++this.#refusals > 1) throw error;
    this.#forget();
  }

  /** The registry has nothing of the blob. */
  async #lost(): Promise<void> {
    if (this.#amounts.had) {
      const { blob } = this.work;
      this.context.emit({ event: "upload_lost", blob, count: this.#upload?.offset ?? 0 });
    }
    this.#forget();
    await this.note?.drop();
  }

  #forget(): void {
    this.#upload = undefined;
    this.#amounts.reset(0);
  }

  #tookLess(taken: number): PullamaError {
    const what = `of a chunk of blob ${shortId(this.work.blob.digest)}`;
    const amount = taken > 0 ? `only ${taken} bytes` : "nothing";
    return new PullamaError("protocol", `the registry has kept ${amount} ${what}`, {
      hint: "read the log of the registry: its storage may be full or broken",
    });
  }

  #deadline(): Deadline {
    const { timeoutMs } = this.context.settings;
    return new Deadline(this.late, timeoutMs, "a chunk was not complete");
  }
}
