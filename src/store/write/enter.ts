/** Begins a pull into a models folder. */

import type { PullIntent, Session } from "../../core/content.ts";
import { folderOf } from "../../io/atomic.ts";
import { isDenied, isReadOnly } from "../../io/file_error.ts";
import { Hasher } from "../../io/hash.ts";
import { waitLock } from "../../io/lock.ts";
import type { Folder } from "../layout/folder.ts";
import { recordIntent } from "../layout/intents.ts";
import { makeFolder, makeRoot, ownershipIn } from "../layout/ownership.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { Ledger } from "../layout/verified.ts";
import { bootTime } from "../partial/positions.ts";
import { requireManifestPlace } from "./manifest_file.ts";
import { ReadOnlySession } from "./read_only.ts";
import { StoreSession } from "./session.ts";

export interface Entry {
  /** Ends waiting for locks. */
  readonly signal: AbortSignal;
  /** Called while another process holds a lock, with what is known of it. */
  readonly waiting: (holder: string | undefined) => void;
  readonly intent: PullIntent | undefined;
  /** What checkpoints name as their writer. */
  readonly tool: string;
}

/** Makes the folders that are missing, and takes the locks. In a folder that cannot be written, only reading works. */
export async function enterFolder(folder: Folder, entry: Entry): Promise<Session> {
  await requireOwnFolders(folder.paths);
  try {
    return await enter(folder, entry);
  } catch (error) {
    if (entry.signal.aborted || !(isDenied(error) || isReadOnly(error))) throw error;
    return await ReadOnlySession.open(folder, error);
  }
}

async function enter(
  folder: Folder,
  { signal, waiting, intent, tool }: Entry,
): Promise<StoreSession> {
  const { disk, paths } = folder;
  await makeRoot(disk, paths.root);
  const { folder: folderOwnership } = await ownershipIn(paths.root);
  await makeFolder(disk, paths.blobs, folderOwnership);
  const { folder: ownOwnership } = await ownershipIn(folderOf(paths.own));
  for (const path of [paths.own, paths.ready, paths.temporary]) {
    await makeFolder(disk, path, ownOwnership);
  }
  if (intent) await requireManifestPlace(folder, intent.name);
  const { file } = await ownershipIn(paths.blobs);
  const ownership = { file, folder: folderOwnership };
  using locks = new DisposableStack();
  const options = { shared: true, ownership: file, signal, onWait: waiting };
  const lock = locks.use(await waitLock(paths.storeLock, options));
  if (lock.isSubstitute) {
    disk.lacks("files cannot be locked here: lock files are used, which another machine may miss");
  }
  if (intent && intent.digests.size > 0) {
    locks.use(await recordIntent(folder, intent, ownership, signal, waiting));
  }
  return new StoreSession({
    folder,
    ownership,
    ledger: await Ledger.open(folder, file),
    hasher: new Hasher(),
    lock: locks.move(),
    ...(intent && { intent: intent.name }),
    boot: bootTime(),
    tool,
    signal,
    waiting,
  });
}
