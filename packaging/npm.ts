/**
 * Packages for npm: `pullama`, which starts the program, and one for each system with the program itself, of which
 * npm installs the one that fits. No script runs at installation.
 */

import { ABOUT, homepageOf, type Program, type Release } from "./release.ts";
import { license } from "./share.ts";
import { copyProgram, runTool, withFolder, writeTree } from "./tools.ts";

/** Of the program, as Node calls them. */
const SYSTEMS = { linux: "linux", darwin: "darwin", windows: "win32" } as const;
const MACHINES = { amd64: "x64", arm64: "arm64" } as const;
const LAUNCHER = new URL("launcher.cjs", import.meta.url);

/** Such as `@pullama/linux-x64`. */
export function npmName({ system, machine }: Pick<Program, "system" | "machine">): string {
  return `${ABOUT.scope}/${SYSTEMS[system]}-${MACHINES[machine]}`;
}

function common({ version }: Release, url: string | undefined): Record<string, unknown> {
  const homepage = url === undefined ? undefined : homepageOf(url);
  return {
    version,
    license: ABOUT.license,
    author: ABOUT.authors,
    ...(homepage !== undefined && {
      homepage,
      // Where provenance has to come from.
      repository: { type: "git", url: `git+${homepage}.git` },
    }),
  };
}

/** The package.json of a package with a program. */
export function programPackage(
  program: Program,
  release: Release,
  url?: string,
): Record<string, unknown> {
  const { system, machine } = program;
  return {
    name: npmName(program),
    description: `The program of ${ABOUT.name} for ${SYSTEMS[system]} on ${MACHINES[machine]}.`,
    ...common(release, url),
    os: [SYSTEMS[system]],
    cpu: [MACHINES[machine]],
    ...(system === "linux" && { libc: ["glibc"] }),
    preferUnplugged: true,
    files: ["bin"],
  };
}

/** The package.json of `pullama`. `bundled` are packages that its archive has in itself. */
export function mainPackage(
  release: Release,
  url?: string,
  bundled: readonly string[] = [],
): Record<string, unknown> {
  const names = release.programs.map(npmName);
  return {
    name: ABOUT.name,
    description: `${ABOUT.summary}.`,
    ...common(release, url),
    bin: { [ABOUT.name]: "bin/pullama.cjs" },
    engines: { node: ">=18" },
    files: ["bin"],
    optionalDependencies: Object.fromEntries(names.map((name) => [name, release.version])),
    ...(bundled.length > 0 && { bundleDependencies: bundled }),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function readme({ version }: Release): string {
  return `# ${ABOUT.name}

${ABOUT.details.join("\n")}

    npx ${ABOUT.name} llama3.2
    npx ${ABOUT.name} --help

Version ${version}. No script runs when it is installed: npm chooses the package with the program for this system.
`;
}

async function writeProgram(program: Program, release: Release, root: string, url?: string) {
  const name = program.system === "windows" ? "pullama.exe" : "pullama";
  await copyProgram(program.path, `${root}/bin/${name}`);
  await writeTree(root, {
    "package.json": json(programPackage(program, release, url)),
    "LICENSE": license(),
    "README.md": `# ${npmName(program)}\n\nThe program of the package \`${ABOUT.name}\`.\n`,
  });
}

/**
 * Writes the archives to `out` and returns their paths. Without `url` there is one, which has the programs in
 * itself: nothing of it is on npm.
 */
export async function writeNpm(release: Release, out: string, url?: string): Promise<string[]> {
  return await withFolder(async (folder) => {
    const isAlone = url === undefined;
    const main = `${folder}/main`;
    const roots = release.programs.map((program) =>
      isAlone ? `${main}/node_modules/${npmName(program)}` : `${folder}/${npmName(program)}`
    );
    for (const [i, root] of roots.entries()) {
      await writeProgram(release.programs[i]!, release, root, url);
    }
    const bundled = isAlone ? release.programs.map(npmName) : [];
    await writeTree(main, {
      "package.json": json(mainPackage(release, url, bundled)),
      "LICENSE": license(),
      "README.md": readme(release),
    });
    await copyProgram(LAUNCHER.pathname, `${main}/bin/pullama.cjs`);
    const packed: string[] = [];
    for (const root of isAlone ? [main] : [main, ...roots]) {
      const said = await runTool(["npm", "pack", "--json", "--pack-destination", out], {
        cwd: root,
        env: { npm_config_update_notifier: "false" },
      });
      const [{ filename }] = JSON.parse(said);
      packed.push(`${out}/${filename}`);
    }
    return packed;
  });
}
