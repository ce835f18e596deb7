/** The file system of a path: its type, and its free space. */

import { statfsSync, type StatsFs } from "node:fs";
import { PullamaError } from "../core/errors.ts";
import { formatSize } from "../core/units.ts";

export interface FileSystem {
  /** The type as in `mount -t`. */
  readonly name: string;
  /** The maximum file size in bytes, if it matters for models. */
  readonly largestFile?: number;
}

/** Those whose files can share bytes until one of them is changed. */
const SHARING = ["btrfs", "xfs", "bcachefs"];

const FAT: FileSystem = { name: "vfat", largestFile: 2 ** 32 - 1 };

/** By the magic numbers in linux/magic.h. */
const KINDS: ReadonlyMap<number, FileSystem> = new Map([
  [0x4d44, FAT],
  ...Object.entries({
    ext4: 0xef53,
    xfs: 0x58465342,
    btrfs: 0x9123683e,
    zfs: 0x2fc12fc1,
    f2fs: 0xf2f52010,
    bcachefs: 0xca451a4e,
    tmpfs: 0x01021994,
    overlay: 0x794c7630,
    exfat: 0x2011bab0,
    ntfs: 0x5346544e,
    ntfs3: 0x7366746e,
    fuse: 0x65735546,
    nfs: 0x6969,
    cifs: 0xff534d42,
    smb2: 0xfe534d42,
    "9p": 0x01021997,
    virtiofs: 0x6a656a63,
    squashfs: 0x73717368,
  }).map(([name, number]): [number, FileSystem] => [number, { name }]),
]);

/**
 * The file system of `path` or its nearest existing parent. Undefined if the type is not in the
 * table, and on other systems than Linux.
 */
export function fileSystemOf(path: string): FileSystem | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const volume = volumeOf(path);
  // Some numbers are negative if read as signed 32-bit integers.
  return volume && KINDS.get(volume.type >>> 0);
}

/**
 * The statistics of the file system of `path`, or of its nearest existing parent. Undefined if they
 * are not available.
 */
export function volumeOf(path: string): StatsFs | undefined {
  for (let at = path;;) {
    try {
      return statfsSync(at);
    } catch (error) {
      const parent = /[\\/]/.test(at) ? at.replace(/[\\/]+[^\\/]*$/, "") || "/" : ".";
      if ((error as { code?: string }).code !== "ENOENT" || parent === at) return undefined;
      at = parent;
    }
  }
}

/**
 * Free bytes for this user at `path`. Undefined if unknown, and for file systems without blocks,
 * such as /proc.
 */
export function freeBytes(path: string): number | undefined {
  const volume = volumeOf(path);
  return volume && volume.blocks > 0 ? volume.bavail * volume.bsize : undefined;
}

/**
 * Throws `disk_full` where `needed` bytes to `act` on are more than the `free` ones; undefined: that is unknown.
 */
export function requireFree(
  needed: number,
  free: number | undefined,
  act: "import" | "write",
  hint: string,
): void {
  if (free === undefined || needed <= free) return;
  throw new PullamaError(
    "disk_full",
    `not enough disk space: ${formatSize(needed)} to ${act}, ${formatSize(free)} free, ` +
      `${formatSize(needed - free)} short`,
    { hint },
  );
}

/** Whether files of the file system at `path` can share bytes, as far as its type tells. */
export function sharesBytes(path: string): boolean {
  return SHARING.includes(fileSystemOf(path)?.name ?? "");
}
