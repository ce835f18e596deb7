/** pullama in a terminal, as displayed. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeModel } from "../fakes/model.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import type { Screen } from "../ui/screen.ts";
import { temporaryFolder } from "./child.ts";
import { cacheOfDeno, pullamaCommand, sourceCache } from "./program.ts";
import { needing } from "../needs.ts";
import { hasTerminals, Pty } from "./pty.ts";
import { startTmux } from "./tmux.ts";

const ignore = !hasTerminals();
const MiB = 1 << 20;

interface Place extends AsyncDisposable {
  readonly model: string;
  readonly registry: Registry;
  start(columns: number, ...argv: string[]): Pty;
  /** The command that `start` runs, and its environment. */
  command(...argv: string[]): string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A registry with a model of at least `size` bytes, at 8 MiB per second, and a models folder. */
async function place(size = 16 * MiB): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const registry = stack.use(await startRegistry({ bytesPerSecond: 8 * MiB }));
  const { name } = registry.add("library/tiny:latest", makeModel({ size }));
  const rest = stack.move();
  const env = { HOME: folder.path, ...cacheOfDeno() };
  const command = (...argv: string[]) => {
    const flags = ["--insecure", "--models-dir", `${folder.path}/models`];
    return [...pullamaCommand(), ...argv, ...flags];
  };
  return {
    model: name,
    registry,
    env,
    command,
    start: (columns, ...argv) => new Pty(command(...argv), { columns, env }),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function bars(screen: Screen): string[] {
  return screen.lines.filter((line) => /^│ (?:\[.*\] )?\s*\d+% {2}/.test(line));
}

function percent(screen: Screen): number {
  return Number(/(\d+)%/.exec(bars(screen)[0] ?? "")?.[1] ?? NaN);
}

for (const columns of [20, 120]) {
  Deno.test({
    name:
      `a pull in a terminal of ${columns} columns leaves a complete screen and a visible cursor`,
    ignore,
    async fn() {
      await using it = await place();
      await using pty = it.start(columns, it.model);
      await pty.until((screen) => percent(screen) > 0);
      assert.equal(bars(pty.screen).length, 1);
      assert.equal(await pty.ended(), 0);
      const { screen } = pty;
      assert.deepEqual(bars(screen), []);
      assert.ok(!pty.text.includes("\x1b[?25"), "a cursor that is never hidden cannot get lost");
      assert.ok(screen.atRest);
      assert.equal(screen.lines[0], "▸ pullama");
      assert.match(screen.lines[1] ?? "", /^╭─ pulling .*╮$/);
      assert.match(screen.lines.at(-1) ?? "", /^╚═+╝$/);
      assert.equal(screen.lines.filter((line) => line.startsWith("╭")).length, 1);
    },
  });
}

Deno.test({
  name:
    "Ctrl-C in a terminal restores the cursor, shows how to resume, exits with 0, and the pull resumes",
  ignore,
  async fn() {
    await using it = await place();
    await using first = it.start(80, it.model);
    await first.until((screen) => percent(screen) >= 30);
    await first.type("\x03");
    assert.equal(await first.ended(), 0);
    const { lines, cursorShown, atRest } = first.screen;
    assert.ok(cursorShown && atRest);
    assert.deepEqual(bars(first.screen), []);
    const stopped = lines.findIndex((line) => line.startsWith("│ · stopped"));
    assert.match(lines[stopped] ?? "", /^│ · stopped · [\d.]+ MB of 16 MB kept$/);
    assert.match(lines[stopped + 1] ?? "", /^╰─+╯$/);
    const hint = `interrupted — resume with: pullama ${it.model}`;
    assert.ok(lines[stopped + 2]?.startsWith(hint), lines[stopped + 2]);
    await using second = it.start(80, it.model);
    await second.until((screen) => !Number.isNaN(percent(screen)) && percent(screen) > 0);
    assert.ok(percent(second.screen) >= 20, `it starts at ${percent(second.screen)} %`);
    assert.equal(await second.ended(), 0);
    assert.match(second.screen.lines.join("\n"), / · resuming at \d+%, [\d.]+ MB on disk\n/);
  },
});

Deno.test({
  name: "typing during a pull does not break the screen",
  ignore,
  async fn() {
    await using it = await place();
    await using pty = it.start(80, it.model);
    for (const keys of ["l", "s", "\r", "\x1b[A", "y\r"]) {
      const before = percent(pty.screen);
      await pty.until((screen) => percent(screen) > (before || 0));
      await pty.type(keys);
    }
    assert.equal(await pty.ended(), 0);
    const { lines } = pty.screen;
    assert.deepEqual(bars(pty.screen), []);
    assert.equal(lines[0], "▸ pullama");
    for (const line of lines.slice(1)) assert.match(line, /^[│╭╰╔║╠╚]/);
  },
});

Deno.test({
  name: "a model that does not exist is reported in a small frame on a terminal, with exit code 4",
  ignore,
  async fn() {
    await using it = await place();
    const host = it.model.slice(0, it.model.indexOf("/"));
    await using pty = it.start(60, `${host}/library/nosuch`);
    assert.equal(await pty.ended(), 4);
    const { lines, cursorShown } = pty.screen;
    assert.ok(cursorShown);
    const block = lines.slice(lines.findIndex((line) => line.startsWith("╭─ error ─")));
    assert.equal(block[1], `│ ✗ cannot pull ${host}/library/nosuch:latest`);
    assert.equal(block.at(-2), "│ · exit code 4");
    assert.match(block.at(-1) ?? "", /^╰─+╯$/);
  },
});

for (const end of ["throw", "reject", "exit"]) {
  Deno.test({
    name: `a crash by ${end} during a pull restores the terminal`,
    ignore,
    async fn() {
      const program = fileURLToPath(new URL("crashing.ts", import.meta.url));
      const command = [Deno.execPath(), "run", "--quiet", "-A", "--no-check", "--frozen", program];
      await using home = await temporaryFolder();
      const env = { HOME: home.path, ...sourceCache() };
      await using pty = new Pty([...command, end], { columns: 80, env });
      await pty.until((screen) => bars(screen).length === 1);
      assert.equal(await pty.ended(), 1);
      assert.ok(pty.screen.cursorShown && pty.screen.atRest);
    },
  });
}

Deno.test({
  ...needing(
    ["tmux"],
    "no finished line is lost in tmux when the window is resized during a pull",
  ),
  async fn() {
    for (const waits of [true, false]) {
      await using it = await place(48 * MiB);
      const env = { ...it.env, TERM: "xterm-256color", LANG: "C.UTF-8" };
      await using tmux = await startTmux(it.command(it.model, "--verbose"), { columns: 100, env });
      await tmux.until((text) => Number(/ (\d+)% {2}/.exec(text)?.[1]) >= 5);
      for (const columns of [20, 100, 20, 120]) {
        await tmux.resize(columns);
        if (waits) await tmux.until((text) => hasWideBar(text) === columns > 20);
      }
      const text = await tmux.until((text) => text.includes("code 0"));
      const lines = text.split("\n");
      assert.equal(lines[0], "▸ pullama");
      assert.match(lines[1] ?? "", /^╭─ pulling /);
      const count = (line: RegExp) => text.match(line)?.length;
      assert.equal(count(/› downloading/g), 5, text);
      assert.equal(count(/✓ verified/g), 5, text);
      assert.equal(count(/│ · GET\b/g), it.registry.requests.length, text);
      assert.ok(!text.includes("%"), text);
    }
  },
});

/** Whether the overall bar has the layout of a wide window. */
function hasWideBar(text: string): boolean {
  return text.split("\n").some((line) => /^│ \[.*\] +\d+% /.test(line));
}
