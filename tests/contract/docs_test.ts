import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { PERMISSIONS } from "../../build.ts";
import { ran } from "../cli/fake_host.ts";
import { filesBelow } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  "SECURITY.md",
  ...filesBelow("docs"),
]
  .filter((path) => path.endsWith(".md"));

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(join(ROOT, path)) !== undefined;
  } catch {
    return false;
  }
}

/** What GitHub makes of the headings of a document. */
function anchors(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

Deno.test("every link in the documents leads to a file or a heading that exists", () => {
  const broken = DOCUMENTS.flatMap((document) => {
    const targets = [...read(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map((hit) =>
      hit[1]!
    );
    // Pages of the repository, beside its files.
    const files = targets.filter((target) => target !== "../../releases/latest");
    return files.filter((target) => {
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? document : join(dirname(document), file);
      return !exists(path) || (anchor !== undefined && !anchors(path).includes(anchor));
    }).map((target) => `${document}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

Deno.test("the flags in README are those of the help, with the same defaults", async () => {
  const { out } = await ran(["help", "pull"]);
  const rows = out.replaceAll(/\n {12,}/g, " ").matchAll(/^ {2}(?:-\w, )?(--[a-z-]+).*$/gm);
  const inHelp = new Map(
    [...rows].map(([row, flag]) => [flag!, /default: "?([^")]+)/.exec(row)?.[1]] as const),
  );
  inHelp.delete("--help");
  const inReadme = new Map(
    [...read("README.md").matchAll(/^\| `(--[a-z-]+)[^|]*\| ([^|]*) \|/gm)]
      .map(([, flag, value]) => [flag!, /`([^`]+)`/.exec(value!)?.[1]] as const),
  );
  assert.ok(inHelp.size > 10, out);
  assert.deepEqual([...inReadme.keys()].sort(), [...inHelp.keys()].sort());
  for (const [flag, value] of inHelp) {
    if (value !== undefined) assert.equal(inReadme.get(flag), value, flag);
  }
});

/** Where it is said which permissions pullama needs with Deno. */
const INSTALLATIONS = [
  ["README.md", /deno install -g [^]*?jsr:@pullama\/cli/],
  ["install.sh", /deno install -g [^]*?jsr:@pullama\/cli/],
  ["src/mod.ts", /needs the permissions [^]*?`\./],
] as const;

Deno.test("every way to run pullama with Deno names its permissions one by one", () => {
  const texts = [...DOCUMENTS, ...filesBelow("docs"), "install.sh", "install.ps1"];
  const everything = texts.filter((path) => /(?<![\w-])-A(?![\w-])|--allow-all/.test(read(path)));
  assert.deepEqual(everything, []);
  // Only the standalone program becomes another user.
  const system = PERMISSIONS.sys.filter((name) => name !== "setuid" && name !== "setgid");
  const flags = ["net", "read", "write", "env", `sys=${system.join()}`].map((it) =>
    `--allow-${it}`
  );
  for (const [path, place] of INSTALLATIONS) {
    const [install = ""] = place.exec(read(path)) ?? [];
    assert.deepEqual(install.match(/--allow-[^\s\\`]+/g), flags, path);
  }
});

Deno.test("the exit codes in README are those of the help", async () => {
  const { out } = await ran(["help"]);
  const codes = (text: string, row: RegExp) => [...text.matchAll(row)].map((hit) => hit[1]);
  assert.deepEqual(codes(read("README.md"), /^\| (\d) \|/gm), codes(out, /^ {2}(\d) {2}/gm));
});

Deno.test("README uses only flags and commands that exist", async () => {
  const commands = [
    "pull",
    "list",
    "show",
    "rm",
    "clean",
    "prune",
    "cp",
    "mv",
    "export",
    "import",
    "verify",
    "outdated",
    "update",
    "doctor",
    "serve",
    "push",
    "queue list",
    "queue start",
    "help",
  ];
  const helps = await Promise.all(commands.map((command) => ran(["help", ...command.split(" ")])));
  const flags = new Set(helps.flatMap(({ out }) => out.match(/--[a-z-]+/g) ?? []));
  const lines = [...read("README.md").matchAll(/```sh\n([^]*?)```/g)]
    .flatMap(([, block]) => block!.split("\n"))
    .filter((line) => /^pullama\b/.test(line));
  assert.ok(lines.length > 0);
  for (const line of lines) {
    for (const flag of line.split(/ #| \|/)[0]!.match(/--[a-z-]+/g) ?? []) {
      assert.ok(flags.has(flag), line);
    }
  }
});

Deno.test("ARCHITECTURE and its picture speak of names that the source has", () => {
  const code = filesBelow("src").map(read).join("\n");
  const defined = (name: string) =>
    new RegExp(`\\b(?:function|class|interface|const|type) ${name}\\b`).test(code) ||
    new RegExp(`^  (?:async |readonly )?${name}[(?:]`, "m").test(code);
  const names = [
    ...[...read("docs/architecture.svg").matchAll(/class="name"[^>]*>([^<]+)</g)],
    ...[...read("ARCHITECTURE.md").matchAll(/`([A-Za-z]\w+)(?:\(\))?`/g)],
  ].map((hit) => hit[1]!).filter((name) => !/^(?:[a-z]+|main|mod)$/.test(name));
  assert.ok(names.length > 40);
  assert.deepEqual([...new Set(names)].filter((name) => !defined(name)), []);
});
