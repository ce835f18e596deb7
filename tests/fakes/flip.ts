/** Damage as a disk makes it. */

/** Flips a bit in each of these places of a file, and leaves its times as they were. */
export function flip(path: string, ...places: readonly number[]): void {
  const { mtime, atime } = Deno.statSync(path);
  {
    using file = Deno.openSync(path, { read: true, write: true });
    const byte = new Uint8Array(1);
    for (const place of places) {
      file.seekSync(place, Deno.SeekMode.Start);
      file.readSync(byte);
      byte[0]! ^= 1;
      file.seekSync(place, Deno.SeekMode.Start);
      file.writeSync(byte);
    }
  }
  Deno.utimeSync(path, atime!, mtime!);
}
