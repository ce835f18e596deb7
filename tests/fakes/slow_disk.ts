/** The real disk, some of whose steps take long: one that spins up, a network drive, a card. */

import { type Disk, type DiskFile, realDisk } from "../../src/io/disk.ts";

/** How slow it is. */
export interface Slowness {
  /** The share of the steps that are slow. */
  readonly share: number;
  /** Milliseconds of a slow step at most. */
  readonly ms: number;
}

/** A write that takes so long, in milliseconds, is not repeated synchronously. */
const NOT_QUICK = 25;

/** `random` decides which steps are slow, and how. */
export function slowDisk({ share, ms }: Slowness, random: () => number): Disk {
  const slowly = async <T>(step: () => Promise<T>): Promise<T> => {
    if (random() < share) await new Promise((resolve) => setTimeout(resolve, random() * ms));
    return await step();
  };
  const slowFile = (file: DiskFile): DiskFile => ({
    path: file.path,
    writeAt: (bytes, offset) => slowly(() => file.writeAt(bytes, offset)),
    writeNowAt(bytes, offset) {
      const until = random() < share ? performance.now() + NOT_QUICK : 0;
      while (performance.now() < until);
      file.writeNowAt(bytes, offset);
    },
    sync: () => slowly(() => file.sync()),
    truncate: (size) => slowly(() => file.truncate(size)),
    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
  });
  return {
    open: (path, how) => slowly(async () => slowFile(await realDisk.open(path, how))),
    rename: (from, to) => slowly(() => realDisk.rename(from, to)),
    link: (from, to) => slowly(() => realDisk.link(from, to)),
    clone: (from, to) => slowly(() => realDisk.clone(from, to)),
    remove: (path) => slowly(() => realDisk.remove(path)),
    makeFolder: (path) => slowly(() => realDisk.makeFolder(path)),
    removeFolder: (path) => slowly(() => realDisk.removeFolder(path)),
    syncFolder: (path) => slowly(() => realDisk.syncFolder(path)),
    touch: (path, timeMs) => slowly(() => realDisk.touch(path, timeMs)),
    own: (path, ownership) => slowly(() => realDisk.own(path, ownership)),
    lacks: (what) => realDisk.lacks(what),
  };
}
