/** A model of three blobs, pulled as far as the store sees it. */

import assert from "node:assert/strict";
import type { Manifest } from "../../../src/core/manifest.ts";
import { manifestPath } from "../../../src/store/layout/paths.ts";
import type { Session } from "../../../src/core/content.ts";
import type { RecordingDisk } from "../../fakes/recording_disk.ts";
import {
  blobOf,
  fetchBlob,
  manifestOf,
  NAME,
  noSignal,
  type TestBlob,
  Witness,
  type World,
} from "../world.ts";

export const BLOBS: readonly TestBlob[] = [blobOf(300, 7), blobOf(40_000, 8), blobOf(90_000, 9)];
export const MANIFEST: Manifest = manifestOf(BLOBS);

/** Brings every blob that is missing, as a pull does; returns how many had to be fetched. */
export async function bring(
  session: Session,
  blobs: readonly TestBlob[] = BLOBS,
): Promise<number> {
  let count = 0;
  for (const one of blobs) {
    if (await session.verifyOrQuarantine(one.blob, noSignal(), new Witness())) continue;
    count++;
    if (one.blob.size < 1000) assert.equal(await session.put(one.blob, one.bytes), one.blob.digest);
    else await fetchBlob(session, one);
  }
  return count;
}

/** One run of a pull. Returns how many blobs it fetched. */
export async function pull(world: World, disk?: RecordingDisk): Promise<number> {
  await using session = await world.enter(disk);
  const count = await bring(session);
  assert.deepEqual(await session.commit(NAME, MANIFEST), []);
  return count;
}

/** Manifest and blobs are in place, byte for byte. */
export function assertComplete(world: World, step = ""): void {
  assert.deepEqual(Deno.readFileSync(manifestPath(world.paths, NAME)), MANIFEST.bytes, step);
  for (const { blob, bytes } of BLOBS) {
    assert.deepEqual(Deno.readFileSync(world.at(blob).final), bytes, step);
  }
}
