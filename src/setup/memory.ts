/** How much memory this computer has for what is downloaded. */

const LARGEST_WINDOW = 256 * 1024 * 1024;

/** Bytes that memory keeps, beside other programs, until the hash has read them. */
export function memoryWindow(): number {
  // Without the permission Deno would ask the user.
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  if (state !== "granted") return LARGEST_WINDOW;
  return Math.min(LARGEST_WINDOW, Deno.systemMemoryInfo().total / 8);
}
