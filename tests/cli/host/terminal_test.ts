import assert from "node:assert/strict";
import { openTerminal } from "../../../src/cli/host/terminal.ts";

interface FakeStream {
  readonly written: string[];
  /** Attempted writes, including failed ones. */
  tries: number;
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** A stream that accepts at most `most` bytes per write, and is closed after `last` writes. */
function stream(most = Infinity, last = Infinity): FakeStream {
  const written: string[] = [];
  return {
    written,
    tries: 0,
    write(bytes) {
      this.tries++;
      if (written.length >= last) {
        return Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
      }
      const taken = bytes.subarray(0, most);
      written.push(new TextDecoder().decode(taken));
      return Promise.resolve(taken.length);
    },
    isTerminal: () => false,
  };
}

/** A stream that would block `times` times before every write. */
function blocking(times: number, isTerminal: boolean): FakeStream {
  const accepting = stream();
  const { write } = accepting;
  let tries = 0;
  return Object.assign(accepting, {
    write(bytes: Uint8Array): Promise<number> {
      if (tries++ % (times + 1) === times) return write.call(accepting, bytes);
      return Promise.reject(
        new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)"),
      );
    },
    isTerminal: () => isTerminal,
  });
}

/** A stream that accepts nothing before `accept` is called. */
function stopped(isTerminal = false): FakeStream & { accept(): void } {
  const accepting = stream();
  const { write } = accepting;
  const { promise, resolve } = Promise.withResolvers<void>();
  return Object.assign(accepting, {
    async write(bytes: Uint8Array): Promise<number> {
      await promise;
      return await write.call(accepting, bytes);
    },
    isTerminal: () => isTerminal,
    accept: resolve,
  });
}

Deno.test("openTerminal() writes a text at once, and the rest after partial writes", async () => {
  const whole = stream();
  const terminal = openTerminal(whole);
  terminal.write("one line\nand another one\n");
  await terminal.written();
  assert.deepEqual(whole.written, ["one line\nand another one\n"]);
  const slow = stream(4);
  const other = openTerminal(slow);
  other.write("one line\nand another one");
  await other.written();
  assert.equal(slow.written.join(""), "one line\nand another one");
});

Deno.test("openTerminal() discards output once the reader of a pipe has gone away", async () => {
  const gone = stream(Infinity, 1);
  const terminal = openTerminal(gone);
  for (const text of ["a", "b", "c"]) {
    terminal.write(text);
    await terminal.written();
  }
  assert.deepEqual([gone.written, gone.tries], [["a"], 2]);
});

Deno.test("openTerminal() retries writes that would block", async () => {
  for (const isTerminal of [false, true]) {
    const busy = blocking(3, isTerminal);
    const terminal = openTerminal(busy);
    terminal.write("one line\n");
    terminal.write("and another one\n");
    await terminal.written();
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
  function accept(text: string): number {
    const lines = text.lastIndexOf("\n") + 1;
    if (lines > 0 || text.length >= 1024) flush();
    const passed = lines > 0 ? pass(text.slice(0, lines)) : text.length >= 1024 ? pass(text) : 0;
    const held = text.slice(passed, passed + 1024);
    buffer += held;
    flush();
    return passed + held.length;
  }
  return Object.assign(accepting, {
    isTerminal: () => isTerminal,
    write: (bytes: Uint8Array) => Promise.try(() => accept(new TextDecoder().decode(bytes))),
  });
}

Deno.test("openTerminal() writes every byte exactly once to a stdout with partial writes", async () => {
  const lines = [3, 600, 40, 0, 1, 511, 512, 513, 1023, 1024, 1025, 3000];
  const text = lines.map((length, i) => String.fromCharCode(97 + i).repeat(length)).join("\n");
  for (const isTerminal of [false, true]) {
    for (const room of [513, 700, 1500]) {
      for (const end of ["\n", ""]) {
        const out = limited(room, isTerminal);
        const { write, written } = openTerminal(out, { lineBuffered: true });
        write(text + end);
        await written();
        write("and a last line\n");
        await written();
        assert.equal(out.written.join(""), `${text}${end}and a last line\n`);
      }
    }
  }
});

Deno.test("openTerminal() drops frames while earlier output is pending", async () => {
  const terminal = stopped(true);
  const { offer, write, written } = openTerminal(terminal);
  assert.deepEqual(["frame 1\n", "frame 2\n"].map(offer), [true, false]);
  terminal.accept();
  await written();
  assert.ok(offer("frame 3\n"));
  write("a line\n");
  await written();
  assert.equal(terminal.written.join(""), "frame 1\nframe 3\na line\n");
});

Deno.test("openTerminal() drops progress that is not read, but no other text", async () => {
  const pipe = stopped();
  const { progress, write, written } = openTerminal(pipe);
  const line = `${"progress ".repeat(10)}\n`;
  write("begin\n");
  for (let i = 0; i < 10_000; i++) progress(line);
  write("end\n");
  pipe.accept();
  await written();
  const text = pipe.written.join("");
  assert.match(text, /^begin\n[^]*\nend\n$/);
  assert.ok(text.includes(line) && text.length < 70_000, `${text.length} bytes`);
  progress(line);
  await written();
  assert.ok(pipe.written.join("").endsWith(`end\n${line}`));
});

Deno.test("openTerminal() keeps the order of two streams, unless the first is blocked", async () => {
  const shown: string[] = [];
  const into = (name: string): FakeStream => ({
    ...stream(),
    write: async (bytes) => {
      await Promise.resolve();
      shown.push(`${name}: ${new TextDecoder().decode(bytes).trimEnd()}`);
      return bytes.length;
    },
  });
  const sequence = { newest: undefined };
  const out = openTerminal(into("out"), { sequence });
  const err = openTerminal(into("err"), { sequence });
  for (const text of ["1", "2", "3"]) {
    out.write(`${text}\n`);
    err.write(`${text}\n`);
  }
  await Promise.all([out.written(), err.written()]);
  assert.deepEqual(shown, ["out: 1", "err: 1", "out: 2", "err: 2", "out: 3", "err: 3"]);

  const pipe = stopped();
  const blocked = openTerminal(pipe, { sequence });
  blocked.write("a result\n");
  err.write("an error\n");
  await err.written();
  assert.equal(shown.at(-1), "err: an error");
  pipe.accept();
  await blocked.written();
  assert.equal(pipe.written.join(""), "a result\n");
});

Deno.test("openTerminal() keeps the error of a failed stream, except for a closed pipe", async () => {
  const full = new Deno.errors.WriteZero("No space left on device (os error 28)");
  const broken = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  const cases = [[full, false, full], [broken, false, undefined], [full, true, undefined]] as const;
  for (const [error, isTerminal, failure] of cases) {
    const terminal = openTerminal({
      write: () => Promise.reject(error),
      isTerminal: () => isTerminal,
    });
    assert.equal(terminal.failure, undefined);
    terminal.write("a line\n");
    await terminal.written();
    assert.equal(terminal.failure, failure);
  }
});

Deno.test("openTerminal() has a default size if that of the window is unknown", () => {
  const terminal = openTerminal(stream());
  assert.ok(terminal.columns() > 0 && terminal.rows() > 0);
});
