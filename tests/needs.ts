/** Tests that need more than Deno. Where it is missing they are left out by name. */

import { exists } from "./fakes/exists.ts";
import { canLink } from "./fakes/link.ts";

const LINKS = canLink();
const CASES = Deno.build.os === "linux";
const MKFS_BTRFS = "/usr/sbin/mkfs.btrfs";

/** What a test may need; each function says how to come by it where it is missing. */
const NEEDS = {
  "a long time": () => Deno.env.get("PULLAMA_SOAK") ? undefined : "deno task soak",
  "the tests of packages": () => Deno.env.get("PULLAMA_REAL") ? undefined : "deno task real",
  "a compiled program": () => Deno.env.get("PULLAMA_BIN") ? undefined : "PULLAMA_BIN",
  "a runtime to compile with": () => Deno.env.get("DENORT_BIN") ? undefined : "DENORT_BIN",
  skopeo: () => realServer("/usr/bin/skopeo"),
  "docker-registry": () => realServer("/usr/bin/docker-registry"),
  nginx: () => realServer("/usr/sbin/nginx"),
  tinyproxy: () => realServer("/usr/bin/tinyproxy"),
  openssl: () => realServer("/usr/bin/openssl"),
  strace: () => realServer("/usr/bin/strace"),
  tmux: () => realServer("/usr/bin/tmux"),
  zsh: () => realServer("/usr/bin/zsh"),
  fish: () => realServer("/usr/bin/fish"),
  mandoc: () => program("/usr/bin/mandoc"),
  man: () => program("/usr/bin/man"),
  PowerShell: () => Deno.env.get("PULLAMA_REAL") ? onPath("pwsh") : "deno task real",
  Linux: () => Deno.build.os === "linux" ? undefined : "run on Linux",
  npm: () => onPath("npm"),
  "dpkg-deb": () => program("/usr/bin/dpkg-deb"),
  lintian: () => realServer("/usr/bin/lintian"),
  "Debian's libraries": () => program("/lib/x86_64-linux-gnu/libc.so.6"),
  makepkg: () => realServer("/usr/bin/makepkg") ?? realServer("/usr/bin/pacman"),
  ruby: () => program("/usr/bin/ruby"),
  "loop devices": () => exists("/dev/loop-control") ? undefined : "/dev/loop-control",
  "mkfs.ext4": () => realServer("/usr/sbin/mkfs.ext4"),
  btrfs: () => realServer(MKFS_BTRFS) ?? fileSystem("btrfs"),
  "ssh-keygen": () => program("/usr/bin/ssh-keygen"),
  "a real Ollama": () => Deno.env.get("OLLAMA_BIN") ? undefined : "OLLAMA_BIN",
  "symbolic links": () => LINKS ? undefined : "a system and a user that may make them",
  "file modes": unix,
  "file owners": unix,
  FIFOs: unix,
  "signals of Unix": unix,
  "a shell": unix,
  "a terminal": () => Deno.build.os === "linux" ? program("/usr/bin/script") : "Linux",
  bash: () => program("/bin/bash"),
  "removal of files in use": unix,
  "names that differ in case": () => CASES ? undefined : "a file system that tells them apart",
  "ports in folder names": unix,
  "any names": unix,
  "a thousand sockets": () => Deno.env.get("WINEPREFIX") ? "Windows itself, not Wine" : undefined,
  "one root for all paths": unix,
  Windows: () => Deno.build.os === "windows" ? undefined : "run on Windows",
  // Windows lets no one read what is locked; Wine does.
  "readable locks": () => Deno.env.get("WINEPREFIX") ? undefined : unix(),
  "the variable TZ": unix,
  "a file in the place of a folder": unix,
  root: () => Deno.build.os === "linux" && Deno.uid() === 0 ? undefined : "run as root on Linux",
} satisfies Record<string, () => string | undefined>;

export type Need = keyof typeof NEEDS;

/**
 * The first argument of `Deno.test` for a test that needs all of `needs`. Where something is missing the
 * test is ignored, and its name says what and how to have it.
 */
export function needing(
  needs: readonly Need[],
  name: string,
): { readonly name: string; readonly ignore: boolean } {
  const missing = needs.flatMap((need) => {
    const remedy = NEEDS[need]();
    return remedy === undefined ? [] : [`${need} (${remedy})`];
  });
  if (missing.length === 0) return { name, ignore: false };
  return { name: `${name} [left out, needs ${missing.join(" and ")}]`, ignore: true };
}

/** Registers a test that needs all of `needs`; the report names this file as its place. */
export function testWith(
  needs: readonly Need[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  Deno.test(needing(needs, name), fn);
}

function unix(): string | undefined {
  return Deno.build.os === "windows" ? "Unix" : undefined;
}

/** Whether the kernel has it, or loads it when it is mounted. */
function fileSystem(name: string): string | undefined {
  try {
    const known = new RegExp(`\\t${name}$`, "m").test(Deno.readTextFileSync("/proc/filesystems"));
    return known ? undefined : `a kernel with ${name}`;
  } catch {
    return "Linux";
  }
}

function realServer(path: string): string | undefined {
  return Deno.env.get("PULLAMA_REAL") ? program(path) : "deno task real";
}

function onPath(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => exists(`${folder}/${name}`)) ? undefined : name;
}

function program(path: string): string | undefined {
  try {
    return Deno.build.os !== "windows" && Deno.statSync(path).isFile ? undefined : path;
  } catch {
    return path;
  }
}
