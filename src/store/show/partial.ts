/** Which models are partly downloaded, and which of them are being pulled. */

import type { Digest } from "../../core/digest.ts";
import type { PartialModel } from "../../core/reports/partial.ts";
import { statOf } from "../../io/stat.ts";
import { activeIntents } from "../layout/exclusive.ts";
import { readIntents, type StoredIntent } from "../layout/intents.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { unfinishedIn } from "../layout/unfinished.ts";

/** What is on disk of some blobs. */
interface Kept {
  readonly bytes: number;
  readonly modifiedMs: number | undefined;
}

/**
 * The models with unfinished blobs, the latest first, and at the end what belongs to no known model. Makes no file and
 * keeps no lock. Rejects with kind local.
 */
export async function partialModels(paths: Paths): Promise<readonly PartialModel[]> {
  const intents = await readIntents(paths);
  using held = new DisposableStack();
  const active = await activeIntents(intents, held, undefined);
  const models: PartialModel[] = [];
  for (const intent of intents) models.push(await modelOf(paths, intent, active));
  const known = new Set(intents.flatMap(({ needs }) => [...needs]));
  const { blobs } = await unfinishedIn(paths);
  const others = blobs.filter(({ digest, own, waiting }) =>
    !known.has(digest) && own.length + waiting.length > 0
  );
  const kept = await keptOf(paths, others.map(({ digest }) => digest));
  models.sort((a, b) => (b.modifiedMs ?? 0) - (a.modifiedMs ?? 0));
  return kept.modifiedMs === undefined ? models : [
    ...models,
    { kept: kept.bytes, modifiedMs: kept.modifiedMs, active: false },
  ];
}

async function modelOf(
  paths: Paths,
  intent: StoredIntent,
  active: ReadonlyMap<StoredIntent, string | undefined>,
): Promise<PartialModel> {
  const { name, digests, size, missing = 0, hours } = intent;
  const { bytes, modifiedMs } = await keptOf(paths, [...digests]);
  const holder = active.get(intent);
  return {
    name,
    kept: bytes,
    ...(size !== undefined && { size, done: Math.min(size, size - missing + bytes) }),
    ...(modifiedMs !== undefined && { modifiedMs }),
    ...(holder !== undefined && { holder }),
    active: active.has(intent),
    ...(hours !== undefined && { hours }),
  };
}

async function keptOf(paths: Paths, digests: readonly Digest[]): Promise<Kept> {
  let bytes = 0;
  let modifiedMs: number | undefined;
  for (const digest of digests) {
    const { ready, partial } = blobPaths(paths, digest);
    const whole = await statOf(ready);
    const file = whole ?? await statOf(partial);
    if (!file?.isFile) continue;
    // A partial file has gaps.
    const blocks = whole || file.blocks === null ? Infinity : file.blocks * 512;
    bytes += Math.min(file.size, blocks);
    modifiedMs = Math.max(modifiedMs ?? 0, file.mtime?.getTime() ?? 0);
  }
  return { bytes, modifiedMs };
}
