/**
 * Several sources as one: a blob comes from the first mirror that has it, and whatever that lacks, refuses or breaks off
 * from the next one, at the same byte; the registry is the last. Where another mirror is clearly faster, it takes part.
 * Bytes are believed by their digest alone.
 */

import type { BlobBody, BlobSource, Source } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { type Chunk, type Range, total, union } from "../../core/ranges.ts";
import { FollowingController } from "../../io/abort.ts";
import { type Clock, systemClock } from "../../io/clock.ts";
import { isUnreachable, mostHopeful, opened } from "./attempt.ts";
import { lesser, Served } from "./served.ts";
import { Shares } from "./shares.ts";
import type { Asked, Mirror } from "./mirror.ts";

const LEFT = new PullamaError("network", "the mirror sent wrong bytes of another blob");

/** A blob source for one pull. */
export class FirstOf implements BlobSource {
  /** Mirrors that sent wrong bytes. */
  readonly #liars = new Set<Mirror>();
  /** They and the blobs, where that was said. */
  readonly #named = new Set<string>();
  /** Blobs that are not asked of a mirror: it does not have them, or some of their bytes were wrong. */
  readonly #without = new Map<Mirror, Set<Digest>>();
  readonly #served = new Served<Mirror>();
  readonly #shares: Shares<Mirror>;
  /** Bodies that are being read. */
  readonly #open = new Map<FollowingController, Mirror>();
  readonly #warned = new Set<Mirror>();

  /** In order; without a registry mirrors are all there is. */
  constructor(
    private readonly mirrors: readonly Mirror[],
    private readonly registry: Source | undefined,
    private readonly emit: Emit,
    clock: Pick<Clock, "now"> = systemClock,
  ) {
    this.#shares = new Shares(clock);
  }

  chunksums(
    name: ModelName,
    blob: Descriptor,
    signal: AbortSignal,
  ): Promise<readonly Chunk[] | undefined> {
    return this.registry?.chunksums(name, blob, signal) ?? Promise.resolve(undefined);
  }

  async open(
    name: ModelName,
    blob: Descriptor,
    range: Range,
    signal: AbortSignal,
  ): Promise<BlobBody> {
    const { registry } = this;
    const failures: PullamaError[] = [];
    // Without ranges a source sends everything before this range as well.
    const wastes = ({ source }: Mirror) =>
      range.start > 0 && source.sendsRanges(name, blob) === false;
    const { ready, aside } = this.#candidates(blob);
    const ordered = this.#shares.ordered(ready, range.end - range.start);
    const later = [...aside, ...ready.filter(wastes)];
    const ask = (mirror: Mirror) => this.#ask(mirror, name, blob, range, signal, failures);
    for (const mirror of ordered.filter((mirror) => !wastes(mirror))) {
      // Another request has found out meanwhile.
      if (!mirror.health.usable) {
        later.push(mirror);
        continue;
      }
      const body = await ask(mirror);
      if (body) return body;
    }
    let unreachable: unknown;
    try {
      const body = await registry?.open(name, blob, range, signal);
      if (body) return this.#ownBody(name, blob, range, body);
    } catch (error) {
      // A mirror that has just failed is better than a registry that does not respond.
      if (signal.aborted || !isUnreachable(error)) throw error;
      unreachable = error;
    }
    for (const mirror of later.sort((a, b) => Number(wastes(a)) - Number(wastes(b)))) {
      const body = await ask(mirror);
      if (body) return body;
    }
    throw unreachable ?? mostHopeful(failures) ??
      new PullamaError("not_found", `no mirror has ${blob.digest}`);
  }

  /** Undefined: it failed, which is added to `failures`. Rejects only with the reason of `signal`. */
  async #ask(
    mirror: Mirror,
    name: ModelName,
    blob: Descriptor,
    range: Range,
    signal: AbortSignal,
    failures: PullamaError[],
  ): Promise<BlobBody | undefined> {
    const since = mirror.health.asked();
    const control = new FollowingController(signal);
    const share = this.#shares.begin(mirror);
    try {
      const body = await opened(mirror.source, name, blob, range, control.signal);
      return this.#bodyOf(mirror, blob, body, { control, since, share });
    } catch (caught) {
      control[Symbol.dispose]();
      share(0);
      const error = asPullamaError(caught);
      const { kind, retryAfterMs } = error;
      // Where one file is damaged others may be right, and a server that is busy will not be for long.
      const isBrief = kind === "size" || kind === "unavailable";
      if (signal.aborted || kind === "not_found") mirror.health.released();
      else mirror.health.failed(since, isBrief, retryAfterMs);
      if (signal.aborted) throw caught;
      failures.push(error);
      const isOther = this.registry !== undefined || this.mirrors.length > 1;
      if (isOther && (kind === "not_found" || kind === "size")) this.#leaveFor(mirror, blob);
      if (isOther) this.#report(mirror, error);
      return undefined;
    }
  }

  #ownBody(name: ModelName, blob: Descriptor, range: Range, body: BlobBody): BlobBody {
    const ended = (position: number) => {
      // What is before the range is passed over unread.
      this.#served.clear(blob.digest, { start: range.start, end: position });
      return false;
    };
    return { ...body, from: name.host, ended };
  }

  sendsRanges(name: ModelName, blob: Descriptor): boolean | undefined {
    const sources = this.#candidates(blob).ready.map(({ source }) => source);
    if (this.registry) sources.push(this.registry);
    // One that ignores ranges is passed over where another may send them.
    const known = sources.map((source) => source.sendsRanges(name, blob));
    return known.find((sends) => sends !== false) ?? known[0];
  }

  /**
   * A mirror that has sent all of the wrong bytes is named, and left for the rest of the pull. Where they are from
   * several sources, or it is not known which bytes are wrong, those that have sent some are left for this blob.
   */
  forgetAddress(name: ModelName, blob: Descriptor, range?: Range): readonly Range[] {
    const { digest, size } = blob;
    // Of two mirrors that differ either may be right.
    if (range && !this.registry) return [];
    const part = range ?? { start: 0, end: size };
    const givers = this.#served.givers(digest, part);
    const [[liar, sent] = []] = givers;
    const proven = givers.size === 1 && total(sent ?? []) === part.end - part.start;
    const fresh = new Map([...givers].filter(([one]) => !this.#without.get(one)?.has(digest)));
    const first = range || !this.registry ? [] : lesser(fresh);
    const left = first.length > 0
      ? first
      : this.mirrors.filter((mirror) => !(range || !this.registry) || givers.has(mirror));
    const { ready, aside } = this.#candidates(blob);
    const others = this.registry !== undefined ||
      [...ready, ...aside].some((mirror) => !left.includes(mirror));
    if (liar && proven) this.#name(liar, blob, others);
    if (!range || !others) {
      for (const { source } of this.mirrors) source.forgetAddress(name, blob, range);
      this.registry?.forgetAddress(name, blob, range);
    }
    if (!others) return [];
    for (const mirror of left) this.#leaveFor(mirror, blob);
    return union([...givers].flatMap(([giver, sent]) => left.includes(giver) ? sent : []));
  }

  /** Mirrors that may have the blob: those to ask now, and those that have failed lately. */
  #candidates(
    blob: Descriptor,
  ): { readonly ready: readonly Mirror[]; readonly aside: readonly Mirror[] } {
    const fit = this.mirrors.filter((mirror) =>
      !this.#liars.has(mirror) && !this.#without.get(mirror)?.has(blob.digest)
    );
    const [ready, aside] = [true, false].map((usable) =>
      fit.filter(({ health }) => health.usable === usable)
    );
    return { ready: ready!, aside: aside! };
  }

  #bodyOf(
    mirror: Mirror,
    blob: Descriptor,
    body: BlobBody,
    { control, since, share }: Asked,
  ): BlobBody {
    const { digest } = blob;
    const { start } = body.range;
    const sent = this.#served.begin(digest, mirror, body.range);
    this.#open.set(control, mirror);
    const ended = (position: number, error?: PullamaError) => {
      this.#open.delete(control);
      control[Symbol.dispose]();
      share(position - start);
      sent(position);
      if (!error) {
        if (position > start) mirror.health.worked();
        else mirror.health.released();
        return false;
      }
      if (error !== LEFT && !this.#liars.has(mirror)) {
        mirror.health.failed(since, position > start, error.retryAfterMs);
        this.#report(mirror, error);
      }
      return this.registry !== undefined ||
        this.#candidates(blob).ready.some((other) => other !== mirror);
    };
    return { ...body, from: mirror.url, ended, left: control.signal };
  }

  #leaveFor(mirror: Mirror, { digest }: Descriptor): void {
    const known = this.#without.get(mirror) ?? new Set();
    this.#without.set(mirror, known.add(digest));
  }

  #name(liar: Mirror, { digest }: Descriptor, leave: boolean): void {
    if (this.#named.has(`${liar.url} ${digest}`)) return;
    this.#named.add(`${liar.url} ${digest}`);
    const message = `the mirror ${liar.url} sent wrong bytes for ${digest}`;
    const hint = leave
      ? "it is not used for the rest of this pull: check that mirror, or remove it"
      : "they are requested again, as there is no other source: check that mirror";
    if (!this.#liars.has(liar)) this.emit({ event: "warning", message, hint });
    if (!leave) return;
    this.#liars.add(liar);
    for (const [control, mirror] of this.#open) if (mirror === liar) control.abort(LEFT);
  }

  /** The first failure of a mirror is worth a warning, all others a note. */
  #report(mirror: Mirror, error: PullamaError): void {
    const lacks = error.kind === "not_found";
    const message = lacks
      ? `not on the mirror ${mirror.url}: ${error.message}`
      : `the mirror ${mirror.url} is left aside: ${error.message}`;
    if (lacks || this.#warned.has(mirror)) return this.emit({ event: "note", message });
    this.#warned.add(mirror);
    const hint = "the download continues with the next source; the mirror is tried again later";
    this.emit({ event: "warning", message, hint });
  }
}
