import assert from "node:assert/strict";
import { abilities, plain } from "../../../src/ui/terminal/terminal.ts";
import { colorTerminal } from "../fake_terminal.ts";

type Env = Readonly<Record<string, string>>;

function decide(env: Env, isTerminal = true, os = "linux", noColor = false): string {
  const can = abilities({ isTerminal, noColor, os, env: (name) => env[name] });
  return Object.entries(can).filter(([, yes]) => yes).map(([name]) => name).sort().join(" ");
}

const XTERM = { TERM: "xterm-256color", LANG: "en_US.UTF-8" };

Deno.test("abilities() allows everything on a UTF-8 terminal", () => {
  assert.equal(decide(XTERM), "color interactive unicode");
  assert.equal(decide({ WT_SESSION: "1" }, true, "windows"), "color interactive unicode");
  assert.equal(decide({ TERM: "xterm" }, true, "darwin"), "color interactive unicode");
});

Deno.test("abilities() allows nothing in a pipe and on a dumb terminal", () => {
  assert.equal(decide(XTERM, false), "");
  assert.equal(decide({ ...XTERM, TERM: "dumb" }), "");
  assert.equal(decide({ LANG: "C.UTF-8" }), "");
});

Deno.test("abilities() allows colors but only ASCII on the legacy Windows console", () => {
  assert.equal(decide({}, true, "windows"), "color interactive");
  const bash = { TERM: "xterm", LANG: "en_US.UTF-8" };
  assert.equal(decide(bash, true, "windows"), "color interactive unicode");
  assert.equal(decide({ TERM_PROGRAM: "vscode" }, true, "windows"), "color interactive unicode");
});

Deno.test("abilities() allows colors with FORCE_COLOR, unless NO_COLOR is set", () => {
  assert.equal(decide({ FORCE_COLOR: "1" }, false), "color");
  assert.equal(decide({ ...XTERM, TERM: "dumb", FORCE_COLOR: "" }), "color");
  assert.equal(decide({ ...XTERM, FORCE_COLOR: "0" }), "interactive");
  assert.equal(decide({ ...XTERM, FORCE_COLOR: "1" }, true, "linux", true), "interactive");
});

Deno.test("abilities() is brief for the log of a CI job, not for a terminal or a pipe", () => {
  assert.equal(decide({ CI: "true", GITHUB_ACTIONS: "true" }, false), "brief");
  assert.equal(decide({ ...XTERM, CI: "true" }), "color interactive unicode");
  assert.equal(decide({ CI: "false" }, false), "");
});

Deno.test("abilities() keeps updated lines with NO_COLOR, but no colors and no boxes", () => {
  assert.equal(decide(XTERM, true, "linux", true), "interactive");
});

Deno.test("abilities() takes the locale from the first set of LC_ALL, LC_CTYPE, LANG", () => {
  assert.equal(decide({ TERM: "xterm" }), "color interactive");
  assert.equal(decide({ ...XTERM, LC_ALL: "C" }), "color interactive");
  assert.equal(decide({ ...XTERM, LC_ALL: "" }), "color interactive unicode");
  assert.equal(decide({ TERM: "xterm", LC_CTYPE: "de_DE.utf8" }), "color interactive unicode");
  assert.equal(decide({ ...XTERM, TERM: "linux" }), "color interactive");
});

Deno.test("plain() is the same terminal without escape sequences and boxes", () => {
  const terminal = colorTerminal(33);
  const same = plain(terminal);
  same.write("x");
  assert.equal(terminal.text, "x");
  assert.deepEqual([same.columns(), same.rows(), same.interactive, same.color, same.unicode], [
    33,
    24,
    true,
    false,
    false,
  ]);
});
