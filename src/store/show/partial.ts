/** Which models are partly downloaded, and which of them are being pulled. */

import type { PartialModel } from "../../core/reports/partial.ts";
import { activeIntents } from "../layout/exclusive.ts";
import { readIntents, type StoredIntent } from "../layout/intents.ts";
import { type KeptBlob, keptBlobs } from "../layout/kept.ts";
import type { Paths } from "../layout/paths.ts";
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
  const kept = sumOf((await keptBlobs(paths, others.map(({ digest }) => digest))).values());
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
  const { name, digests, earlier, size, missing = 0, hours } = intent;
  const kept = await keptBlobs(paths, digests);
  const { bytes, modifiedMs } = sumOf(kept.values());
  const own = sumOf([...kept].flatMap(([digest, blob]) => earlier.has(digest) ? [] : blob));
  const holder = active.get(intent);
  return {
    name,
    kept: bytes,
    ...(size !== undefined &&
      { size, done: Math.max(0, Math.min(size, size - missing + own.bytes)) }),
    ...(modifiedMs !== undefined && { modifiedMs }),
    ...(holder !== undefined && { holder }),
    active: active.has(intent),
    ...(hours !== undefined && { hours }),
  };
}

function sumOf(blobs: Iterable<KeptBlob>): Kept {
  let bytes = 0;
  let modifiedMs: number | undefined;
  for (const kept of blobs) {
    bytes += kept.bytes;
    modifiedMs = Math.max(modifiedMs ?? 0, kept.modifiedMs);
  }
  return { bytes, modifiedMs };
}
