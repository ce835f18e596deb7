/** Manual pages: `pullama help --man`. */

import assert from "node:assert/strict";
import { testWith } from "../../needs.ts";
import { runToEnd } from "../../real/child.ts";
import { commandsOf } from "../../real/uses.ts";
import { width } from "../../../src/ui/terminal/draw.ts";
import { ran } from "../fake_host.ts";

/** All commands, with the groups among them and the program itself first. */
async function commands(): Promise<readonly string[]> {
  const all = await commandsOf((...words) => ran(["help", ...words]));
  return ["", ...new Set(all.flatMap((path) => [path.split(" ")[0]!, path]))];
}

async function page(command: string): Promise<string> {
  const { code, out, err } = await ran(["help", ...words(command), "--man"]);
  assert.deepEqual([code, err], [0, ""], command);
  return out;
}

function words(command: string): string[] {
  return command.split(" ").filter((word) => word !== "");
}

/** What a page says, as its reader copies it. */
function plain(roff: string): string {
  return roff.replaceAll(/\\f[BIR]/g, "").replaceAll("\\-", "-").replaceAll("\\(aq", "'")
    .replaceAll("\\(ti", "~").replaceAll("\\e", "\\");
}

Deno.test("help --man prints a page for every command, with all its flags and examples", async () => {
  const all = await commands();
  assert.ok(all.length > 25 && all.includes("queue") && all.includes("queue add"), all.join());
  for (const command of all) {
    const name = ["pullama", ...words(command)].join("-");
    const text = plain(await page(command));
    assert.ok(text.startsWith(`.TH ${name.toUpperCase()} 1 20`), text);
    assert.ok(text.includes(`\n.SH NAME\n${name} - `), text);
    const help = (await ran(["help", ...words(command)])).out;
    for (const flag of help.match(/^ {2}(?:-\w, )?--[a-z-]+/gm) ?? []) {
      assert.ok(text.includes(flag.trim()), `${name}: ${flag}`);
    }
    const [, examples = ""] = /^Examples:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
    for (const part of examples.split(/\n| {3,}/)) assert.ok(text.includes(part.trim()), part);
    assert.doesNotMatch(text, /^Examples:|^Environment:|^Exit codes:/m, name);
  }
});

Deno.test("help --man lists environment and exit codes, and says where the commands are", async () => {
  const text = plain(await page(""));
  assert.match(text, /^\.SH ENVIRONMENT\n\.TP\nOLLAMA_MODELS\nwhere models are stored$/m);
  assert.match(text, /^\.SH EXIT STATUS\n\.TP\n0\nsuccess/m);
  assert.match(text, /^\.BR pullama-queue \(1\)$/m);
  assert.match(
    plain(await page("queue add")),
    /^\.SH SEE ALSO\n.* pullama \(1\)\n.*-queue \(1\)$/m,
  );
});

Deno.test("help --man is the same wherever the flag is, and refuses unknown commands", async () => {
  const expected = await page("queue add");
  for (const line of ["help --man queue add", "--man help queue add", "queue help add --man"]) {
    assert.equal((await ran(words(line))).out, expected, line);
  }
  const { code, out, err } = await ran(["help", "pul", "--man"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /unknown command 'pul'\n\(Did you mean pull\?\)/);
});

async function written(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const command of await commands()) {
    const path = `${folder}/${["pullama", ...words(command)].join("-")}.1`;
    await Deno.writeTextFile(path, await page(command));
    paths.push(path);
  }
  return paths;
}

async function inFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pullama-man-" });
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

testWith(
  ["Linux", "mandoc"],
  "mandoc finds nothing in the manual pages",
  () =>
    inFolder(async (folder) => {
      const { code, out, err } = await runToEnd([
        "mandoc",
        "-T",
        "lint",
        ...await written(folder),
      ]);
      assert.deepEqual([code, out, err], [0, "", ""]);
    }),
);

testWith(
  ["man"],
  "man shows the manual pages without a warning, 80 columns wide",
  () =>
    inFolder(async (folder) => {
      const paths = await written(folder);
      const env = { LC_ALL: "C.UTF-8", MANWIDTH: "80", MANROFFOPT: "-ww", HOME: folder };
      const { code, out, err } = await runToEnd(["man", "--warnings", "-l", ...paths], { env });
      assert.deepEqual([code, err], [0, ""]);
      const wide = out.split("\n").filter((row) => width(row) > 80);
      assert.deepEqual(wide, []);
      assert.match(out, /pullama-queue-start\(1\)/);
    }),
);
