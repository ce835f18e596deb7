import assert from "node:assert/strict";
import { openTerminal } from "../../../src/cli/host/terminal.ts";

interface FakeStream {
  readonly written: string[];
  /** Attempted writes, including failed ones. */
  tries: number;
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** A stream that accepts at most `most` bytes per write, and is closed after `last` writes. */
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

/** A stream that would block `times` times before every write. */
function blocking(times: number, isTerminal: boolean): FakeStream {
  const accepting = stream();
  const { writeSync } = accepting;
  let tries = 0;
  return Object.assign(accepting, {
    writeSync(bytes: Uint8Array): number {
      if (tries++ % (times + 1) === times) return writeSync.call(accepting, bytes);
      throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
    },
    isTerminal: () => isTerminal,
  });
}

Deno.test("openTerminal() writes a text at once, and the rest after partial writes", () => {
  const whole = stream();
  openTerminal(whole).write("one line\nand another one\n");
  assert.deepEqual(whole.written, ["one line\nand another one\n"]);
  const slow = stream(4);
  openTerminal(slow).write("one line\nand another one");
  assert.equal(slow.written.join(""), "one line\nand another one");
});

Deno.test("openTerminal() discards output once the reader of a pipe has gone away", () => {
  const gone = stream(Infinity, 1);
  const terminal = openTerminal(gone);
  for (const text of ["a", "b", "c"]) terminal.write(text);
  assert.deepEqual([gone.written, gone.tries], [["a"], 2]);
});

Deno.test("openTerminal() retries writes that would block", () => {
  for (const isTerminal of [false, true]) {
    const busy = blocking(3, isTerminal);
    const terminal = openTerminal(busy);
    terminal.write("one line\n");
    terminal.write("and another one\n");
    assert.equal(busy.written.join(""), "one line\nand another one\n");
  }
});

/**
 * Accepts at most `room` bytes between two attempts, as a pipe small pieces only as a whole, and
 * buffers as stdout does.
 */
function limited(room: number, isTerminal: boolean): FakeStream {
  const accepting = stream();
  let free = room;
  let buffer = "";
  function pass(text: string): number {
    const count = isTerminal || text.length > 512 ? Math.min(free, text.length) : text.length;
    if (text.length > 0 && (count === 0 || count > free)) {
      free = room;
      throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
    }
    free -= count;
    accepting.written.push(text.slice(0, count));
    return count;
  }
  function flush(): void {
    while (buffer !== "") buffer = buffer.slice(pass(buffer));
  }
  return Object.assign(accepting, {
    isTerminal: () => isTerminal,
    writeSync(bytes: Uint8Array): number {
      const text = new TextDecoder().decode(bytes);
      const lines = text.lastIndexOf("\n") + 1;
      if (lines > 0 || text.length >= 1024) flush();
      const passed = lines > 0 ? pass(text.slice(0, lines)) : text.length >= 1024 ? pass(text) : 0;
      const held = text.slice(passed, passed + 1024);
      buffer += held;
      flush();
      return passed + held.length;
    },
  });
}

Deno.test("openTerminal() writes every byte exactly once to a stdout with partial writes", () => {
  const lines = [3, 600, 40, 0, 1, 511, 512, 513, 1023, 1024, 1025, 3000];
  const text = lines.map((length, i) => String.fromCharCode(97 + i).repeat(length)).join("\n");
  for (const isTerminal of [false, true]) {
    for (const room of [513, 700, 1500]) {
      for (const end of ["\n", ""]) {
        const out = limited(room, isTerminal);
        const { write } = openTerminal(out, true);
        write(text + end);
        write("and a last line\n");
        assert.equal(out.written.join(""), `${text}${end}and a last line\n`);
      }
    }
  }
});

Deno.test("openTerminal() drops offered text while earlier output is pending", () => {
  const terminal = stream();
  const { writeSync } = terminal;
  terminal.isTerminal = () => true;
  const { offer, write } = openTerminal(terminal);
  terminal.writeSync = () => {
    throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
  };
  assert.deepEqual(["frame 1\n", "frame 2\n"].map(offer), [true, false]);
  terminal.writeSync = writeSync;
  assert.ok(offer("frame 3\n"));
  write("a line\n");
  assert.equal(terminal.written.join(""), "frame 1\nframe 3\na line\n");
});

Deno.test("openTerminal() completes an offered frame when the process exits", () => {
  const busy = blocking(2, true);
  openTerminal(busy).offer("a frame\n");
  assert.deepEqual(busy.written, []);
  dispatchEvent(new Event("unload"));
  assert.equal(busy.written.join(""), "a frame\n");
});

Deno.test("openTerminal() keeps the error of a failed stream, except for a closed pipe", () => {
  const full = new Deno.errors.WriteZero("No space left on device (os error 28)");
  const broken = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  const cases = [[full, false, full], [broken, false, undefined], [full, true, undefined]] as const;
  for (const [error, isTerminal, failure] of cases) {
    const terminal = openTerminal({
      writeSync() {
        throw error;
      },
      isTerminal: () => isTerminal,
    });
    assert.equal(terminal.failure, undefined);
    terminal.write("a line\n");
    assert.equal(terminal.failure, failure);
  }
});

Deno.test("openTerminal() has a default size if that of the window is unknown", () => {
  const terminal = openTerminal(stream());
  assert.ok(terminal.columns() > 0 && terminal.rows() > 0);
});
