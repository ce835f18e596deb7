/** The source files of the program as text: what they import, and what they do themselves. */

import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";

export interface Source {
  /** From the root of the project: "src/core/name.ts". */
  readonly path: string;
  /** As it is written, without comments. */
  readonly code: string;
  /** Files of the project as paths from its root, everything else as it is written. */
  readonly imports: readonly string[];
  /** Files that it starts as a Worker. */
  readonly workers: readonly string[];
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Static imports and re-exports, imports for their effect alone, dynamic imports. */
const IMPORTS = [
  /^(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^import\s*["']([^"']+)["']/gm,
  /\bimport\(\s*["']([^"']+)["']/g,
];
const WORKERS = [/\bnew URL\(\s*["'](\.[^"']*)["']\s*,\s*import\.meta\.url/g];

/** All sources below src/. */
export function sources(): readonly Source[] {
  return filesBelow("src").filter((path) => path.endsWith(".ts")).map((path) => {
    const code = withoutComments(Deno.readTextFileSync(join(ROOT, path)));
    return { path, code, imports: importsOf(path, code), workers: workersOf(path, code) };
  });
}

/** The files in a folder of the project and in those within it, as paths from its root. */
export function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesBelow(path) : [path];
  }).sort();
}

/** What the code of the file at `path` imports. */
export function importsOf(path: string, code: string): string[] {
  return named(IMPORTS, path, code);
}

/** The files that the code of the file at `path` makes Workers of. */
export function workersOf(path: string, code: string): string[] {
  return named(WORKERS, path, code);
}

function named(patterns: readonly RegExp[], path: string, code: string): string[] {
  const written = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((hit) => hit[1]!));
  return written.map((to) => to.startsWith(".") ? normalize(join(dirname(path), to)) : to);
}

/** Comments that begin a line; those behind code are rare and do no harm here. */
export function withoutComments(code: string): string {
  return code.replace(/^\s*(?:\/\*[^]*?\*\/|\/\/.*)/gm, "");
}

/** The folder of a source below src/; "main.ts" and "mod.ts" stand for themselves. */
export function roomOf(path: string): string {
  return path.split("/")[1]!;
}

/** A chain of imports that ends where it begins, if there is one. */
export function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): string[] | undefined => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...above, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Everything that `start` imports, directly or through others. */
export function reachable(graph: ReadonlyMap<string, readonly string[]>, start: string): string[] {
  const found = new Set([start]);
  for (const path of found) for (const next of graph.get(path) ?? []) found.add(next);
  found.delete(start);
  return [...found];
}
