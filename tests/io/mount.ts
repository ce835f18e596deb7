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
      await run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
      try {
        await test(folder, (changed) => run("mount", "-o", `remount,${changed}`, folder));
      } finally {
        await run("umount", folder);
      }
    },
  });
}

function mayMount(): boolean {
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

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
