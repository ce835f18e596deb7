import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { width } from "../../../src/ui/terminal/draw.ts";
import { errorText, interruptedText, warningText } from "../../../src/ui/text/message.ts";
import { batchSummaryText } from "../../../src/ui/pull/batch_summary.ts";
import { oneLine, redact } from "../../../src/ui/text/redact.ts";
import { parseName } from "../../../src/core/name.ts";
import { colorTerminal, fakeTerminal } from "../fake_terminal.ts";
import { RESET, SECRET } from "../pull_events.ts";

const PLAIN = fakeTerminal();
const RICH = colorTerminal(60);
const UNKNOWN = new PullamaError("not_found", "model not found on registry.ollama.ai", {
  hint: "see https://ollama.com/library",
});

Deno.test("errorText() prints what could not be done, the reason, and a hint", () => {
  assert.equal(
    errorText(UNKNOWN, PLAIN, { doing: "pull nosuch:latest", verbose: false }),
    "cannot pull nosuch:latest: model not found on registry.ollama.ai\n" +
      "hint: see https://ollama.com/library\n",
  );
  assert.equal(
    errorText(new PullamaError("usage", "no home directory"), PLAIN, { verbose: false }),
    "no home directory\n",
  );
});

Deno.test("errorText() prints stack and causes only with --verbose, and never a secret", () => {
  const short = errorText(RESET, PLAIN, { doing: "pull m", verbose: false });
  const long = errorText(RESET, PLAIN, { doing: "pull m", verbose: true });
  assert.equal(short, "cannot pull m: connection reset\nhint: check the network\n");
  assert.ok(long.startsWith(short));
  assert.match(long, /\n {4}at .*pull_events\.ts/);
  assert.match(long, /\ncaused by TypeError: error sending request for url \(https:\/\/cdn\/x\)\n/);
  assert.ok(!long.includes(SECRET));
});

Deno.test("errorText() handles a circular chain of causes", () => {
  const error = new PullamaError("internal", "unexpected");
  error.cause = error;
  assert.ok(errorText(error, PLAIN, { verbose: true }).length < 10_000);
});

Deno.test("errorText() removes control characters from untrusted text", () => {
  const error = new PullamaError("refused", "no\x1b[2J\r\nhint: pay \u202eme");
  assert.equal(errorText(error, PLAIN, { verbose: false }), "no [2J hint: pay me\n");
});

Deno.test("errorText() is colored only if the stream allows colors", () => {
  assert.ok(errorText(UNKNOWN, RICH, { verbose: false }).includes("\x1b[31m"));
  assert.ok(!errorText(UNKNOWN, PLAIN, { verbose: false }).includes("\x1b"));
});

Deno.test("errorText() is a small frame on a terminal: what, reason, hint, and exit code", () => {
  const style = { ...colorTerminal(60), color: false };
  assert.deepEqual(
    errorText(UNKNOWN, style, { doing: "pull nosuch:latest", verbose: false }).split("\n"),
    [
      "╭─ error ─────────────────────────────────────────────────╮",
      "│ ✗ cannot pull nosuch:latest",
      "│   model not found on registry.ollama.ai",
      "│ › see https://ollama.com/library",
      "│ · exit code 4",
      "╰─────────────────────────────────────────────────────────╯",
      "",
    ],
  );
  assert.deepEqual(
    errorText(new PullamaError("usage", "no home directory"), style, { verbose: false })
      .split("\n").slice(1, 3),
    ["│ ✗ no home directory", "│ · exit code 1"],
  );
});

Deno.test("errorText() is wrapped to the window without losing words, with and without colors", () => {
  const error = new PullamaError("disk_full", "模型 " + "not enough disk space ".repeat(8).trim(), {
    hint: `free some space in ${"/very/long/path".repeat(9)} and pull again`,
  });
  const words = (text: string) => text.replaceAll(/\p{Cc}\[\d+m|[│╭╮╰╯─|+\-\s]/gu, "");
  for (let columns = 20; columns <= 300; columns += 7) {
    for (const unicode of [true, false]) {
      const style = { ...colorTerminal(columns), unicode };
      const text = errorText(error, style, { doing: "pull m:latest", verbose: false });
      const widest = Math.max(...text.split("\n").map(width));
      assert.ok(widest < columns && widest <= 80, `${widest} at ${columns}`);
      assert.ok(words(text).includes(words(error.message)));
      assert.ok(words(text).includes(words(error.hint!)));
      assert.ok(text.includes("exit code 2"));
    }
  }
});

Deno.test("errorText() splits emoji whose width differs between terminals", () => {
  const error = new PullamaError("refused", "no 👩‍👩‍👧 for 🇩🇪 and ❤️");
  assert.match(errorText(error, RICH, { verbose: false }), /no 👩👩👧 for DE and ❤/u);
});

Deno.test("warningText() is wrapped on a terminal, and a single line elsewhere", () => {
  const message = "the clock of this machine is wrong ".repeat(4).trim();
  const lines = warningText(message, "set it", colorTerminal(40)).trimEnd().split("\n");
  assert.ok(lines.length > 3 && lines.every((line) => width(line) < 40));
  assert.equal(warningText(message, undefined, PLAIN), `warning: ${message}\n`);
});

Deno.test("warningText() prints the hint on a line of its own", () => {
  assert.equal(
    warningText("the clock is wrong", "run: date …", PLAIN),
    "warning: the clock is wrong\nhint: run: date ...\n",
  );
});

Deno.test("interruptedText() uses an ASCII dash if necessary", () => {
  assert.equal(
    interruptedText(["llama3.2:latest"], RICH),
    "interrupted — resume with: pullama llama3.2:latest\n",
  );
  assert.equal(interruptedText(["a", "b"], PLAIN), "interrupted - resume with: pullama a b\n");
});

Deno.test("batchSummaryText() lists every model and its result", () => {
  const of = (given: string) => ({ given, name: parseName(given) });
  const broken = new PullamaError("invalid_name", 'invalid model name ".x"');
  assert.equal(
    batchSummaryText([
      { ...of("a"), ended: "pulled" },
      { ...of("user/b:7b"), ended: "failed", error: UNKNOWN },
      { given: ".x", name: undefined, ended: "failed", error: broken },
      { ...of("c"), ended: "interrupted" },
      { ...of("d"), ended: "not started" },
    ], "pulled"),
    "1 of 5 models pulled\n" +
      "  pulled a:latest\n" +
      "  failed user/b:7b: model not found on registry.ollama.ai\n" +
      '  failed invalid model name ".x"\n' +
      "  interrupted c:latest\n" +
      "  not started d:latest\n",
  );
});

Deno.test("redact() removes user, query and fragment from URLs, and tokens from headers", () => {
  const cases = [
    ["at https://u:p@h.example:5000/a/b?X-Sig=1#f now", "at https://h.example:5000/a/b now"],
    ["(https://h/a?b=c)", "(https://h/a)"],
    ['"http://h?q=1"', '"http://h"'],
    ["Authorization: Bearer abc.def-ghi=", "Authorization: Bearer [hidden]"],
    ["basic dXNlcjpwYXNz", "basic [hidden]"],
    ["what? a#b user@host", "what? a#b user@host"],
    ["Bea\u00adrer abc.\u200bdef-ghi=", "Bearer [hidden]"],
  ] as const;
  for (const [text, expected] of cases) assert.equal(redact(text), expected);
});

Deno.test("oneLine() removes line feeds, control characters and bidirectional marks", () => {
  assert.equal(oneLine(" a\r\n\tb\x1b[1mc\u2028d\u202e "), "a b [1mc d");
});
