/** What goes wrong while a model is downloaded, drawn by chance: at the registry, on the machine, and beside it. */

import { join } from "node:path";
import type { Fault } from "../fakes/faults.ts";
import type { LoggedRequest } from "../fakes/wire.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** One kind of trouble at the registry, for all requests for one model. */
export interface Trouble {
  readonly name: string;
  readonly fault: (request: LoggedRequest, n: number) => Fault | undefined;
  /** Milliseconds after which all URLs expire, again and again. */
  readonly expiresMs?: number;
  /** Wrong bytes have to be downloaded again. */
  readonly costs?: true;
}

const NONE: Trouble = { name: "none", fault: () => undefined };

/** A server resets, stalls, is busy or slow, its URLs expire, or it sends a wrong byte. */
export function troubleOf(random: () => number, size: number): Trouble {
  const place = Math.floor(random() * size);
  const every = (nth: number, fault: Fault) => (_: LoggedRequest, n: number) =>
    n % nth === 1 ? fault : undefined;
  let lied = false;
  const kinds: readonly (readonly [share: number, trouble: Trouble])[] = [
    [0.35, NONE],
    [0.2, {
      name: "resets",
      fault: every(3, { end: { after: Math.floor(random() * 4 * MIB), how: "reset" } }),
    }],
    [0.1, { name: "stalls", fault: every(7, { end: { after: MIB, how: "stall" } }) }],
    [0.1, { name: "503", fault: every(4, { status: 503 }) }],
    [0.1, { name: "slow connections", fault: every(4, { bytesPerSecond: 100 * KIB }) }],
    [0.1, { ...NONE, name: "URLs that expire", expiresMs: 700 }],
    [0.05, {
      name: "a wrong byte",
      costs: true,
      fault: ({ range }) => {
        const lies = !lied && range !== undefined && range.start <= place && place < range.end;
        if (lies) lied = true;
        return lies ? { flipAt: place } : undefined;
      },
    }],
  ];
  let drawn = random();
  return kinds.find(([share]) => (drawn -= share) < 0)?.[1] ?? NONE;
}

/** Makes all files look as if they had been written two hours ago. */
export async function age(folder: string): Promise<void> {
  const then = Date.now() / 1000 - 7200;
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await age(path);
    if (isFile) await Deno.utime(path, then, then);
  }
}
