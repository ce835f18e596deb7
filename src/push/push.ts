/** Pushes models to a registry: their blobs, several at a time, then the manifest. */

import type { Digest } from "../core/digest.ts";
import { type Descriptor, distinctBlobs, type Manifest, manifestSize } from "../core/manifest.ts";
import { PullamaError } from "../core/errors.ts";
import { displayName, fullName, type ModelName, sameName } from "../core/name.ts";
import { quoted } from "../core/quote.ts";
import type { PushPlan, PushSummary } from "../core/reports/push.ts";
import { oddPart } from "../core/upload/repository.ts";
import { mapTogether } from "../io/concurrency.ts";
import { Attempts } from "./attempts.ts";
import type { PushContext } from "./context.ts";
import { uploadBlob } from "./upload.ts";

/** Requests without bytes at a time. */
const LOOKS = 8;

/** What a registry has of one model. */
interface Survey {
  readonly name: ModelName;
  readonly manifest: Manifest;
  /** The largest first: they take longest. */
  readonly missing: readonly Descriptor[];
  /** The digest that the tag has there. */
  readonly tagged: Digest | undefined;
}

/** The pushes of one run, one after another: what one has sent the next ones need not send. */
export class Pusher {
  /** Repositories that have a blob, by its digest, with a model that is there. */
  readonly #places = new Map<Digest, Map<string, ModelName>>();
  /** The models by the place and tag that they have there. */
  readonly #pushed = new Map<string, ModelName>();

  constructor(private readonly context: Omit<PushContext, "emit" | "signal">) {}

  /**
   * Pushes one model; undefined after a dry run. Rejects with what source and target reject with, and with the reason of
   * the signal: then the registry keeps the blobs that are complete, and parts of others as it can.
   */
  async push(
    given: ModelName,
    { emit, signal }: Pick<PushContext, "emit" | "signal">,
  ): Promise<PushSummary | undefined> {
    const context: PushContext = { ...this.context, emit, signal };
    const { source, target, settings, clock } = context;
    const began = clock.now();
    const attempts = new Attempts(context);
    const read = () => source.model(given, signal);
    const { name, manifest } = source.isRemote
      ? await attempts.run(undefined, 1, signal, read)
      : await read();
    const place = target.place(name);
    this.#requireOwnPlace(place, name);
    emit({ event: "push_start", name, place });
    const survey = await this.#survey(context, attempts, name, manifest);
    if (settings.dryRun) {
      emit({ event: "push_dry_run", plan: this.#plan(context, survey) });
      for (const { digest } of survey.missing) this.#note(digest, place, name);
      return undefined;
    }
    const { sent, mounted } = await this.#sendMissing(context, attempts, survey);
    const wasThere = survey.tagged === manifest.digest;
    if (!wasThere) {
      const put = () => target.putManifest(name, manifest, signal);
      await attempts.run(undefined, 1, signal, put);
    }
    emit({ event: "manifest_pushed", digest: manifest.digest, wasThere });
    const summary = {
      ...amountsOf(context, survey),
      sent,
      mounted,
      elapsedMs: clock.now() - began,
    };
    emit({ event: "push_completed", summary });
    return summary;
  }

  async #survey(
    context: PushContext,
    attempts: Attempts,
    name: ModelName,
    manifest: Manifest,
  ): Promise<Survey> {
    const { target, signal, emit } = context;
    const place = target.place(name);
    const blobs = distinctBlobs(manifest).toReversed();
    const tagged = await attempts.run(undefined, 1, signal, () => target.tag(name, signal));
    const has = await mapTogether(blobs, LOOKS, signal, async (blob, signal) => {
      if (this.#places.get(blob.digest)?.has(place)) return true;
      return await attempts.run(blob.digest, 1, signal, () => target.has(name, blob, signal));
    });
    const missing = blobs.filter((_, i) => !has[i]);
    for (const { digest } of blobs.filter((_, i) => has[i])) this.#note(digest, place, name);
    const size = manifestSize(manifest);
    const there = size - sizeOf(missing);
    const replaces = tagged !== undefined && tagged !== manifest.digest && { replaces: tagged };
    emit({
      event: "push_manifest",
      digest: manifest.digest,
      blobs: blobs.length,
      size,
      there,
      ...replaces,
    });
    return { name, manifest, missing, tagged };
  }

  async #sendMissing(
    context: PushContext,
    attempts: Attempts,
    { name, missing }: Survey,
  ): Promise<{ readonly sent: number; readonly mounted: number }> {
    const { target, settings, clock, emit } = context;
    const place = target.place(name);
    const total = { sent: 0, mounted: 0 };
    const send = async (blob: Descriptor, signal: AbortSignal) => {
      const began = clock.now();
      const from = this.#elsewhere(blob.digest, name, place);
      const result = await uploadBlob(context, attempts, { name, blob, from, signal });
      this.#note(blob.digest, place, name);
      total.sent += result.sent;
      if (result.how === "mounted") {
        total.mounted += blob.size;
        emit({ event: "blob_mounted", blob, from: from! });
      } else emit({ event: "blob_pushed", blob, elapsedMs: clock.now() - began });
    };
    await mapTogether(missing, settings.connections, context.signal, send);
    return total;
  }

  /** Repositories have no capitals, and fewer signs than models: two models may come to one place, and one to none. */
  #requireOwnPlace(place: string, name: ModelName): void {
    const tagged = `${place}:${name.tag}`;
    const other = this.#pushed.get(tagged) ?? name;
    const hint = `give it another name first: ollama cp ${displayName(name)} NAME`;
    if (!sameName(other, name)) {
      const message = `${displayName(other)} comes to the same place, ${tagged}`;
      throw new PullamaError("usage", message, { hint });
    }
    const odd = oddPart(new URL(place).pathname.slice(1).split("/"));
    if (odd !== undefined) {
      const message = `${quoted(odd, 80)} cannot be in the name of a repository: ${tagged}`;
      throw new PullamaError("usage", message, { hint });
    }
    this.#pushed.set(tagged, name);
  }

  #plan(context: PushContext, survey: Survey): PushPlan {
    const { name, manifest, missing } = survey;
    const place = context.target.place(name);
    const by = (blob: Descriptor) => {
      if (!missing.includes(blob)) return "there";
      return this.#elsewhere(blob.digest, name, place) ? "mount" : "upload";
    };
    const all = distinctBlobs(manifest).map((blob) => ({ blob, by: by(blob) } as const));
    const sizeBy = (how: string) => sizeOf(all.filter((it) => it.by === how).map((it) => it.blob));
    return {
      ...amountsOf(context, survey),
      mounted: sizeBy("mount"),
      toSend: sizeBy("upload"),
      all,
    };
  }

  /** A model of this run that has the blob in another repository. */
  #elsewhere(digest: Digest, name: ModelName, place: string): ModelName | undefined {
    const places = this.#places.get(digest) ?? new Map<string, ModelName>();
    const [, other] = [...places].find(([where]) => where !== place) ?? [];
    return other && fullName(other) !== fullName(name) ? other : undefined;
  }

  #note(digest: Digest, place: string, name: ModelName): void {
    const places = this.#places.get(digest) ?? new Map<string, ModelName>();
    this.#places.set(digest, places.set(place, name));
  }
}

function amountsOf({ target }: PushContext, { name, manifest }: Survey) {
  return {
    name,
    place: target.place(name),
    digest: manifest.digest,
    blobs: distinctBlobs(manifest).length,
    size: manifestSize(manifest),
  };
}

function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
