import assert from "node:assert/strict";
import {
  cycleIn,
  importsOf,
  reachable,
  roomOf,
  type Source,
  sources,
  withoutComments,
  workersOf,
} from "./sources.ts";

/** Which rooms of src/ a room may import from besides itself. Rooms that are not listed import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  io: ["core"],
  registry: ["core", "io"],
  store: ["core", "io"],
  archive: ["core", "io"],
  transfer: ["core", "io"],
  push: ["core", "io", "transfer"],
  serve: ["core", "io"],
  queue: ["core", "io"],
  ui: ["core"],
  setup: ["core", "io", "registry", "store", "archive", "transfer", "push", "queue", "serve"],
  "mod.ts": ["core", "io", "registry", "store", "archive", "transfer", "queue", "setup"],
};

/**
 * The rooms inside a room, floor by floor from the ground: each imports from the floors below its own, never from a
 * neighbour. A name with `.ts` is one file, `.` stands for all files that lie directly in the room.
 */
const FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  core: [["."], ["reports", "upload"]],
  registry: [["net"], ["diagnose"], ["http"], ["auth"], ["api"], ["push", "source.ts"]],
  store: [
    ["layout"],
    ["partial", "manifests"],
    ["read", "write", "clean", "remove", "show", "check", "serve"],
    ["push"],
    ["store.ts"],
  ],
  setup: [["checks", "pace", "mirrors", "serve"], ["."], ["local", "push"]],
  ui: [["terminal", "mode.ts"], ["text"], ["progress"], ["pull", "reports"]],
  cli: [
    ["host"],
    ["args"],
    ["help", "failure_json.ts"],
    ["pull", "list", "show", "rm", "clean", "prune", "doctor", "completion"],
    ["queue", "verify", "outdated", "copy", "control", "archive"],
    ["pull", "list", "show", "rm", "clean", "prune", "doctor", "completion", "serve", "push"],
    ["queue", "verify", "outdated", "copy", "control"],
    ["update"],
    ["program.ts"],
    ["wire.ts"],
  ],
};

const MOST_LINES = 250;
const MOST_FILES = 18;

/** Packages and parts of the platform by the rooms that may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@commander-js/extra-typings": ["cli"],
  commander: ["cli"],
  "fast-string-truncated-width": ["ui"],
  "fast-string-width": ["ui"],
  picocolors: ["ui"],
  "tar/header": ["archive"],
  "tar/pax": ["archive"],
  valibot: ["store", "registry", "queue"],
  "node:path": ["cli", "setup"],
  "node:dns": ["registry"],
  "node:net": ["registry"],
  "node:tls": ["registry"],
  "node:fs": ["io"],
  "node:buffer": ["registry", "archive"],
  "node:crypto": ["io", "registry", "store", "archive"],
  "node:process": ["setup"],
  "deno.json": ["setup"],
};

/** What only some may do, and who. */
const DEEDS: readonly (readonly [what: string, pattern: RegExp, who: (path: string) => boolean])[] =
  [
    [
      "ends the process or listens for signals",
      /\bDeno\.(?:exit|exitCode|addSignalListener|removeSignalListener)\b|\bprocess\.(?:exit|on)\b/,
      (path) => path === "src/main.ts",
    ],
    [
      "prints",
      /\bconsole\.\w|\bDeno\.(?:stdout|stderr)\b(?!\.isTerminal)|\b(?:alert|prompt|confirm)\(/,
      (path) => path === "src/cli/host/system.ts",
    ],
    ["reads arguments", /\bDeno\.args\b/, (path) => path === "src/main.ts"],
    ["reads the environment", /\bDeno\.env\b/, in_("cli", "setup")],
    ["speaks HTTP", /(?<![.\w])fetch\(|\bcreateHttpClient\b/, in_("registry")],
    ["starts a Worker", /\bnew Worker\(/, in_("io")],
    ["starts another program", /\bDeno\.(?:Command|run)\b/, () => false],
    [
      "changes files",
      /\bDeno\.(?:create|link|symlink|rename|remove|mkdir|truncate|chmod|chown|utime|writeFile|writeTextFile|copyFile|makeTemp\w+)(?:Sync)?\(/,
      in_("io"),
    ],
    ["opens files", /\bDeno\.open(?:Sync)?\(/, in_("io")],
    [
      "changes owner, mode or time of a file by its path",
      /\bDeno\.(?:chmod|chown|utime)(?:Sync)?\(|(?<![\w.])l?(?:chmod|chown|utimes)(?:Sync)?\(/,
      () => false,
    ],
    [
      "touches the machine, the clock or chance",
      /\bDeno\b|\bset(?:Timeout|Interval)\b|\bDate\b|\bperformance\b|\bMath\.random\b|\bcrypto\b|\bprocess\b/,
      not(in_("core")),
    ],
    [
      "touches the machine, the clock or chance",
      /\bDeno\.(?!inspect\b)|\bset(?:Timeout|Interval)\b|\bDate\.now\b|\bperformance\b|\bMath\.random\b/,
      not(in_("ui")),
    ],
    ["touches the machine", /\bDeno\./, not(in_("transfer"))],
  ];

const all = sources();
const ours = new Set(all.map(({ path }) => path));
const graph = new Map(all.map(({ path, imports }) => [path, imports.filter((to) => ours.has(to))]));

Deno.test("every room imports only from the rooms it may know", () => {
  assert.deepEqual(
    offences(({ path, imports }) => {
      const room = roomOf(path);
      const allowed = MAY_IMPORT[room];
      if (allowed === undefined) return [];
      return imports
        .filter((to) => to.startsWith("src/"))
        .filter((to) => roomOf(to) !== room && !allowed.includes(roomOf(to)))
        .map((to) =>
          `${path} imports ${to}: ${room} may import ${allowed.join(", ") || "nothing"}`
        );
    }),
    [],
  );
});

Deno.test("inside a room imports go down, floor by floor", () => {
  assert.deepEqual(
    offences(({ path, imports }) => {
      const floors = FLOORS[roomOf(path)];
      if (floors === undefined) return [];
      const own = placeIn(floors, path);
      if (own === undefined) return [`${path} is on no floor of ${roomOf(path)}`];
      return imports.filter((to) => to.startsWith("src/") && roomOf(to) === roomOf(path))
        .filter((to) => {
          const other = placeIn(floors, to);
          return other?.name !== own.name && !(other && other.floor < own.floor);
        })
        .map((to) => `${path} imports ${to}, which is not below ${own.name}`);
    }),
    [],
  );
});

Deno.test("files and folders stay small enough to be read", () => {
  assert.deepEqual(
    offences(({ path }) => {
      const lines = Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url)).split("\n");
      return lines.length - 1 > MOST_LINES ? [`${path} has ${lines.length - 1} lines`] : [];
    }),
    [],
  );
  const folders = Map.groupBy(all, ({ path }) => path.slice(0, path.lastIndexOf("/")));
  const full = [...folders].filter(([_, files]) => files.length > MOST_FILES);
  assert.deepEqual(full.map(([folder, files]) => `${folder} has ${files.length} files`), []);
});

Deno.test("main.ts and mod.ts are imported by no other file", () => {
  assert.deepEqual(
    offences(({ path, imports }) =>
      imports.filter((to) => ["src/main.ts", "src/mod.ts"].includes(to))
        .map((to) => `${path} imports ${to}`)
    ),
    [],
  );
});

Deno.test("imports within the program name files that exist", () => {
  assert.deepEqual(
    offences(({ path, imports, workers }) =>
      [...imports, ...workers].filter((to) => to.startsWith("src/") && !ours.has(to))
        .map((to) => `${path} imports ${to}, which does not exist`)
    ),
    [],
  );
});

Deno.test("packages and parts of the platform are imported where they belong", () => {
  assert.deepEqual(
    offences(({ path, imports }) =>
      imports.filter((to) => !to.startsWith("src/"))
        .filter((to) => !PACKAGES[to]?.includes(roomOf(path)))
        .map((to) =>
          `${path} imports ${to}: ${
            PACKAGES[to] ? `only for ${PACKAGES[to].join(", ")}` : "unknown"
          }`
        )
    ),
    [],
  );
});

Deno.test("no imports run in a circle", () => {
  assert.equal(cycleIn(graph)?.join(" -> "), undefined);
});

Deno.test("the library does without command line and screen, whatever it imports", () => {
  const strangers = reachable(graph, "src/mod.ts")
    .filter((path) => ["cli", "ui", "main.ts"].includes(roomOf(path)));
  assert.deepEqual(strangers.map((path) => `src/mod.ts comes to import ${path}`), []);
});

Deno.test("each thing is done by those whose task it is", () => {
  assert.deepEqual(
    offences(({ path, code }) =>
      DEEDS.filter(([_, pattern, may]) => !may(path) && pattern.test(code))
        .map(([what, pattern]) => `${path} ${what}: ${code.match(pattern)![0]}`)
    ),
    [],
  );
});

Deno.test("no file has state of its own at its top level", () => {
  assert.deepEqual(
    offences(({ path, code }) =>
      [...code.matchAll(/^(?:export )?(?:let|var) .*/gm)].map((hit) => `${path}: ${hit[0]}`)
    ),
    [],
  );
});

Deno.test("no file tells the linter, the formatter or the type checker to look away", () => {
  const excuse = /(?:deno-lint-ignore|deno-fmt-ignore|@ts-(?:ignore|expect-error|nocheck))/;
  const excused = all.filter(({ path }) => excuse.test(Deno.readTextFileSync(path)));
  assert.deepEqual(excused.map(({ path }) => path), []);
});

Deno.test("importsOf() finds imports of every form, and nothing in comments", () => {
  const code = withoutComments(`
import a from "../core/a.ts";
import {
  type B,
  c,
} from "./c.ts";
export type { D } from "npm-package";
import "./side.ts";
// import e from "./commented.ts";
/** import f from "./documented.ts"; */
export function cut(from: string): string { return from + "x"; }
const g = await import("./late.ts");
new Worker(new URL("./worker.ts", import.meta.url));
`);
  assert.deepEqual(importsOf("src/io/x.ts", code).sort(), [
    "npm-package",
    "src/core/a.ts",
    "src/io/c.ts",
    "src/io/late.ts",
    "src/io/side.ts",
  ]);
  assert.deepEqual(workersOf("src/io/x.ts", code), ["src/io/worker.ts"]);
});

Deno.test("cycleIn() shows the way round", () => {
  const round = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]);
  assert.deepEqual(cycleIn(round), ["b", "d", "b"]);
  assert.equal(cycleIn(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]])), undefined);
});

function offences(of: (source: Source) => readonly string[]): string[] {
  return all.flatMap(of);
}

function in_(...rooms: readonly string[]): (path: string) => boolean {
  return (path) => rooms.includes(roomOf(path));
}

function not(who: (path: string) => boolean): (path: string) => boolean {
  return (path) => !who(path);
}

/** On which floor a file is, and in which of its rooms. */
function placeIn(
  floors: readonly (readonly string[])[],
  path: string,
): { readonly floor: number; readonly name: string } | undefined {
  const [_src, _room, name = "", inside] = path.split("/");
  const direct = inside === undefined;
  const names = direct ? [name, "."] : [name];
  const floor = floors.findIndex((rooms) => names.some((one) => rooms.includes(one)));
  const listed = floors[floor]?.find((room) => names.includes(room));
  return listed === undefined ? undefined : { floor, name: listed };
}
