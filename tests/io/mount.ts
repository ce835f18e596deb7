/** Tests on a small tmpfs, if mounting is permitted. */

import { scratch } from "./other_process.ts";

type Remount = (options: string) => Promise<void>;

/** A test with its own tmpfs; ignored if mounting is not permitted. */
export function mounted(
  name: string,
  options: string,
  test: (folder: string, remount: Remount) => Promise<void>,
): void {
  Deno.test({
    name: `${name} (needs mount)`,
    ignore: !mayMount(),
    async fn() {
      await using dir = await scratch();
      const folder = `${dir.path}/small`;
      await Deno.mkdir(folder);
      await runCommand("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
      try {
        await test(folder, (changed) => runCommand("mount", "-o", `remount,${changed}`, folder));
      } finally {
        await runCommand("umount", folder);
      }
    },
  });
}

/** Whether this process may mount file systems. */
export function mayMount(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const at = Deno.makeTempDirSync({ prefix: "pullama-mount-" });
  try {
    const did = (command: string, ...args: string[]) =>
      new Deno.Command(command, { args, stderr: "null" }).outputSync().success;
    return did("mount", "-t", "tmpfs", "tmpfs", at) && did("umount", at);
  } catch {
    return false;
  } finally {
    Deno.removeSync(at);
  }
}

/** Runs a command that must succeed. */
export async function runCommand(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
