/** A package for Debian, Ubuntu and their relatives. */

import { ABOUT, homepageOf, type Program, type Release } from "./release.ts";
import { COMPLETIONS, license, manPages } from "./share.ts";
import { copyProgram, runTool, seconds, setTimes, withFolder, writeTree } from "./tools.ts";

/** Debian has completions of zsh at another place. */
const PLACES: Readonly<Record<string, string>> = {
  "zsh/site-functions/_pullama": "zsh/vendor-completions/_pullama",
};

/** What lintian finds in every program that `deno compile` makes. */
const OVERRIDES = `# The runtime, Deno, has its libraries in itself.
pullama: embedded-library * [usr/bin/pullama]
`;

/** A version in Debian's order: 1.0.0~rc.1 is before 1.0.0. */
function debVersion({ version }: Release): string {
  return version.replaceAll("-", "~");
}

/** The control file; `size` in bytes is that of all installed files. */
export function control(
  release: Release,
  { machine }: Pick<Program, "machine">,
  size: number,
  homepage: string,
): string {
  return `Package: ${ABOUT.name}
Version: ${debVersion(release)}
Architecture: ${machine}
Maintainer: ${ABOUT.authors} <${ABOUT.email}>
Installed-Size: ${Math.ceil(size / 1024)}
Depends: libc6 (>= 2.27), libgcc-s1 | libgcc1
Recommends: ca-certificates
Section: net
Priority: optional
Homepage: ${homepage}
Description: ${ABOUT.summary}
${ABOUT.details.map((line) => ` ${line}`).join("\n")}
`;
}

function copyright(homepage: string): string {
  const [, notice = "", ...terms] = license().trim().split(/\n\n+/);
  const text = terms.map((paragraph) => ` ${paragraph.replaceAll("\n", "\n ")}`).join("\n .\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${ABOUT.name}
Source: ${homepage}

Files: *
Copyright: ${notice.replace(/^Copyright \(c\) /, "")}
License: MIT

License: MIT
${text}
`;
}

function changelog(release: Release, homepage: string): string {
  return `${ABOUT.name} (${debVersion(release)}) stable; urgency=medium

  * Release ${release.version}. Its changes: ${homepage}

 -- ${ABOUT.authors} <${ABOUT.email}>  ${release.date.toUTCString().replace("GMT", "+0000")}
`;
}

/** Writes the package of that program to `out` and returns its path. */
export async function writeDeb(
  program: Program,
  release: Release,
  out: string,
  url?: string,
): Promise<string> {
  const homepage = url === undefined ? ABOUT.homepage : homepageOf(url);
  return await withFolder(async (root) => {
    await Deno.chmod(root, 0o755);
    await copyProgram(program.path, `${root}/usr/bin/pullama`);
    const completions = Object.entries(COMPLETIONS)
      .map(([path, text]) => [`usr/share/${PLACES[path] ?? path}`, text]);
    await writeTree(root, {
      ...Object.fromEntries(completions),
      "usr/share/doc/pullama/copyright": copyright(homepage),
      "usr/share/lintian/overrides/pullama": OVERRIDES,
    });
    const compressed = {
      "usr/share/doc/pullama/changelog": changelog(release, homepage),
      ...prefixed("usr/share/man/man1/", await manPages(release)),
    };
    await writeTree(root, compressed);
    for (const path of Object.keys(compressed)) {
      await runTool(["gzip", "-9n", `${root}/${path}`]);
    }
    const files = await filesBelow(root);
    const size = files.reduce((sum, path) => sum + Deno.statSync(`${root}/${path}`).size, 0);
    await writeTree(root, {
      "DEBIAN/control": control(release, program, size, homepage),
      "DEBIAN/md5sums": await runTool(["md5sum", ...files], { cwd: root }),
    });
    // GitHub would write another sign for "~" in the name of a file.
    const path = `${out}/${ABOUT.name}_${release.version}_${program.machine}.deb`;
    await setTimes(root, release.date);
    // More compression takes nine times as long, and saves a seventh.
    await runTool(["dpkg-deb", "-Zxz", "-z1", "--root-owner-group", "--build", root, path], {
      env: { SOURCE_DATE_EPOCH: String(seconds(release.date)) },
    });
    return path;
  });
}

function prefixed(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [folder + name, text]));
}

/** The files in a folder and in those within it, as paths from there. */
async function filesBelow(root: string, folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}${name}`;
    found.push(...isDirectory ? await filesBelow(root, `${path}/`) : [path]);
  }
  return found.sort();
}
