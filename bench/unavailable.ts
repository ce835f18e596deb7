/** What this machine lacks for a part of the benchmark, which is left out for that reason. */

export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Whether a program can be found in PATH. */
export function isInstalled(program: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}
