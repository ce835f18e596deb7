import assert from "node:assert/strict";
import { openTerminal } from "../../src/cli/terminal.ts";

interface FakeStream {
  readonly written: string[];
  /** Writes that were tried, failed ones included. */
  tries: number;
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** A stream that takes at most `most` bytes at once, and none any more after `last` writes. */
function stream(most = Infinity, last = Infinity): FakeStream {
  const written: string[] = [];
  return {
    written,
    tries: 0,
    writeSync(bytes) {
      this.tries++;
      if (written.length >= last) throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
      const taken = bytes.subarray(0, most);
      written.push(new TextDecoder().decode(taken));
      return taken.length;
    },
    isTerminal: () => false,
  };
}

Deno.test("openTerminal() writes a text at once, and all of it where the stream takes only a part", () => {
  const whole = stream();
  openTerminal(whole).write("one frame\nof two lines");
  assert.deepEqual(whole.written, ["one frame\nof two lines"]);
  const slow = stream(4);
  openTerminal(slow).write("one frame");
  assert.equal(slow.written.join(""), "one frame");
});

Deno.test("openTerminal() is silent once the reader of a pipe has gone", () => {
  const gone = stream(Infinity, 1);
  const terminal = openTerminal(gone);
  for (const text of ["a", "b", "c"]) terminal.write(text);
  assert.deepEqual([gone.written, gone.tries], [["a"], 2]);
});

Deno.test("openTerminal() goes on after a moment in which a terminal takes nothing", () => {
  const busy = stream();
  const { writeSync } = busy;
  busy.writeSync = () => {
    throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
  };
  const terminal = openTerminal(busy);
  terminal.write("a frame that is lost");
  busy.writeSync = writeSync;
  terminal.write("the next one");
  assert.deepEqual(busy.written, ["the next one"]);
});

Deno.test("openTerminal() knows a size for a window that does not say how large it is", () => {
  const terminal = openTerminal(stream());
  assert.ok(terminal.columns() > 0 && terminal.rows() > 0);
});

Deno.test("openTerminal() shows a hidden cursor again when the process ends, and only then and once", () => {
  const HIDE = "\x1b[?25l";
  const SHOW = "\x1b[?25h";
  for (const end of ["unload", "error", "unhandledrejection"]) {
    const cases = [[HIDE, true], [`${HIDE}x${SHOW}`, false], [`${SHOW}${HIDE}x`, true], [
      "x",
      false,
    ]];
    for (const [text, hidden] of cases) {
      const out = stream();
      openTerminal(out).write(String(text));
      const before = out.written.length;
      dispatchEvent(new Event(end));
      dispatchEvent(new Event(end));
      assert.deepEqual(out.written.slice(before), hidden ? [SHOW] : [], `${end} ${text}`);
    }
  }
});
