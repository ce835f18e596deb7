import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { needing } from "../needs.ts";

/** The program as a separate process, with the fake wiring. */
class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #map: string;
  readonly #decoder = new TextDecoder();
  readonly #out: ReadableStreamDefaultReader<Uint8Array>;
  readonly #err: Promise<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #text = "";

  private constructor(process: Deno.ChildProcess, map: string) {
    this.#process = process;
    this.#map = map;
    this.#out = process.stdout.getReader();
    this.#err = new Response(process.stderr).text();
    this.#input = process.stdin.getWriter();
  }

  static start(...argv: string[]): Promise<Program> {
    return Program.startUnder([], ...argv);
  }

  /** Runs the program under the command `prefix`, which prepares its environment. */
  static startUnder(prefix: readonly string[], ...argv: string[]): Promise<Program> {
    return Program.#start(prefix, "fake_wire.ts", argv);
  }

  /** Runs the program with a wiring that is loaded only when its stdin ends. */
  static startLoading(...argv: string[]): Promise<Program> {
    return Program.#start([], "loading_wire.ts", argv);
  }

  static async #start(
    prefix: readonly string[],
    fake: string,
    argv: readonly string[],
  ): Promise<Program> {
    const at = (path: string) => new URL(path, import.meta.url).href;
    const map = await Deno.makeTempFile({ suffix: ".json" });
    const wiring = { [at("../../src/cli/wire.ts")]: at(`./${fake}`) };
    await Deno.writeTextFile(map, JSON.stringify({ imports: { ...config.imports, ...wiring } }));
    const flags = ["run", "--quiet", "-A", "--no-lock", "--no-check", "--import-map", map];
    const [first = "", ...words] = [...prefix, Deno.execPath(), ...flags];
    const command = new Deno.Command(first, {
      args: [...words, at("../../src/main.ts"), ...argv],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    return new Program(command.spawn(), map);
  }

  /** Resolves once stdout contains `text`. */
  async says(text: string): Promise<void> {
    while (!this.#text.includes(text)) {
      const { value, done } = await this.#out.read();
      if (done) throw new Error(`ended before ${text}: ${this.#text} ${await this.#err}`);
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** All of stdout, read slowly. */
  async slowly(): Promise<string> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { value, done } = await this.#out.read();
      if (done) return this.#text;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** Closes the reading end of stdout. */
  async hangUp(): Promise<void> {
    await this.#out.cancel();
  }

  async ended(): Promise<{ readonly code: number; readonly err: string }> {
    const { code } = await this.#process.status;
    return { code, err: await this.#err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#out.cancel();
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // The process has already exited.
    }
    await this.#process.status;
    await this.#input.abort().catch(() => {});
    await Deno.remove(this.#map);
  }
}

const ignore = Deno.build.os === "windows";

Deno.test("main prints the version and exits with 0", async () => {
  await using program = await Program.start("--version");
  await program.says(`pullama ${config.version}\n`);
  assert.deepEqual(await program.ended(), { code: 0, err: "" });
});

Deno.test("main exits with the exit code of the program", async () => {
  await using program = await Program.start("--frobnicate", "m");
  const { code, err } = await program.ended();
  assert.equal(code, 1);
  assert.match(err, /unknown option '--frobnicate'/);
});

Deno.test({
  ...needing(
    ["signals of Unix"],
    "case 97: main stops cleanly at the first signal, prints how to resume and exits with 0",
  ),
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using program = await Program.start("slow");
      await program.says("pulling slow:latest");
      program.signal(signal);
      const { code, err } = await program.ended();
      assert.deepEqual([code, err], [0, "interrupted - resume with: pullama slow:latest\n"]);
    }
  },
});

Deno.test({
  ...needing(
    ["signals of Unix"],
    "case 97: main exits with 1 immediately at the second signal, whichever it is",
  ),
  async fn() {
    await using program = await Program.start("stubborn");
    await program.says("pulling stubborn:latest");
    program.signal("SIGINT");
    await program.says("stalled");
    program.signal("SIGTERM");
    assert.deepEqual(await program.ended(), {
      code: 1,
      err: "exited at once: another signal arrived before the program had stopped\n",
    });
  },
});

Deno.test({
  ...needing(
    ["signals of Unix"],
    "case 97: main stops cleanly at a signal that arrives before it is loaded",
  ),
  async fn() {
    await using program = await Program.startLoading("slow");
    await program.says("loading");
    program.signal("SIGINT");
    await program.endInput();
    const { code, err } = await program.ended();
    assert.deepEqual([code, err], [0, "interrupted - resume with: pullama slow:latest\n"]);
  },
});

Deno.test("main reports an uncaught error in one sentence and exits with 1", async () => {
  for (const [model, what] of [["crash", "x"], ["reject", "y"]] as const) {
    await using program = await Program.start(model);
    const { code, err } = await program.ended();
    assert.deepEqual([code, err], [1, `unexpected error: ${what} is undefined\n`]);
  }
});

Deno.test("main reports an uncaught error even if the command succeeds at the same moment", async () => {
  await using program = await Program.start("clean", "crash");
  const { code, err } = await program.ended();
  assert.deepEqual([code, err], [1, "unexpected error: z is undefined\n"]);
});

Deno.test("main prints the stack of an uncaught error with --verbose", async () => {
  await using program = await Program.start("crash", "--verbose");
  const { code, err } = await program.ended();
  assert.equal(code, 1);
  assert.match(
    err,
    /^unexpected error: x is undefined\n[^]*caused by TypeError[^]*\n {4}at .*fake_wire\.ts/,
  );
});

Deno.test({
  ...needing(["signals of Unix"], "main continues silently after stdout is closed by its reader"),
  async fn() {
    await using program = await Program.start("chatty", "--verbose");
    await program.says("pulling chatty:latest");
    await program.hangUp();
    assert.deepEqual(await program.ended(), { code: 0, err: "" });
  },
});

const PERL = "/usr/bin/perl";
const DO_NOT_WAIT = "fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV";

Deno.test({
  name: "main loses no output in a non-blocking pipe, however slowly it is read",
  ignore: ignore || !exists(PERL),
  async fn() {
    const prefix = [PERL, "-MFcntl", "-e", DO_NOT_WAIT, "--"];
    await using program = await Program.startUnder(prefix, "chatty", "--output", "json");
    const lines = (await program.slowly()).trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(await program.ended(), { code: 0, err: "" });
    const proven = lines.filter(({ event }) => event === "checkpoint").map(({ Proven }) => Proven);
    assert.deepEqual(proven, Array.from({ length: 20_000 }, (_, i) => i));
  },
});

Deno.test({
  name: "main completes the pull and exits with 2 if stdout is redirected to a full disk",
  ignore: !exists("/dev/full"),
  async fn() {
    const prefix = ["/bin/sh", "-c", 'exec "$0" "$@" > /dev/full'];
    await using program = await Program.startUnder(prefix, "chatty");
    const { code, err } = await program.ended();
    assert.equal(code, 2);
    assert.equal(
      err,
      "cannot write to stdout: no space left on device\n" +
        "hint: free disk space where stdout is redirected to, or redirect it elsewhere\n",
    );
  },
});

Deno.test({
  name: "main keeps the exit code of an earlier error if stdout cannot be written",
  ignore: !exists("/dev/full"),
  async fn() {
    const prefix = ["/bin/sh", "-c", 'exec "$0" "$@" > /dev/full'];
    await using program = await Program.startUnder(prefix, "chatty", "in valid");
    const { code, err } = await program.ended();
    assert.equal(code, 1);
    assert.match(
      err,
      /^invalid model name "in valid"[^]*\ncannot write to stdout: no space left on device\n/,
    );
  },
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}
