/**
 * Makes docs/pullama.svg, the moving picture in README.md, and docs/pullama-still.svg from a real pull:
 *
 *     deno run --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys docs/picture.ts
 *
 * A model comes from a registry on this machine into a real shell. The pull is killed, and the same command typed
 * again; then one server is too busy for a moment. Leaves nothing else behind.
 */

import { makeModel } from "../tests/fakes/model.ts";
import { startRegistry } from "../tests/fakes/registry.ts";
import { cacheOfDeno, pullamaCommand } from "../tests/real/program.ts";
import { Pty } from "../tests/real/pty.ts";
import type { Screen } from "../tests/ui/screen.ts";
import { film, type Frame, type Rows, still } from "./picture_svg.ts";

const MB = 1_000_000;
const COLUMNS = 84;
const ROWS = 24;
const SIZES = [110 * MB, 70 * MB, 40 * MB];
const BYTES_PER_SECOND = 20 * MB;
/** Of the whole: where the first run is killed, and where the second one is drawn as a still. */
const KILLED = 40;
const DRAWN = 60;
/** Between two frames, at the least, and for the last one. */
const FRAME_MS = 400;
const LAST_SECONDS = 4;
const LABEL = "A pull in a terminal: killed, and resumed where it stopped";

/** Collects what a terminal shows while it is read. */
class Camera {
  readonly frames: Frame[] = [];
  #rows: Rows = [];
  #since = performance.now();

  /** Keeps what is shown if it has changed, at most once in FRAME_MS unless `now`. */
  look(screen: Screen, now = false): void {
    const elapsed = performance.now() - this.#since;
    if (!now && elapsed < FRAME_MS) return;
    const rows = screen.painted;
    if (JSON.stringify(rows) === JSON.stringify(this.#rows)) return;
    this.cut(elapsed / 1000);
    this.#rows = rows;
    this.#since = performance.now();
  }

  /** Ends the frame that is shown. */
  cut(seconds: number): void {
    const rounded = Math.round(seconds * 10) / 10;
    if (this.#rows.length > 0) this.frames.push({ rows: this.#rows, seconds: rounded });
  }
}

const folder = await Deno.makeTempDir({ prefix: "pullama-picture-" });
try {
  const { frames, drawn } = await pull(folder);
  const write = (name: string, text: string) =>
    Deno.writeTextFile(new URL(name, import.meta.url), text);
  await write("pullama.svg", film(frames, drawn, COLUMNS, LABEL));
  await write("pullama-still.svg", still(drawn, COLUMNS, LABEL));
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function pull(home: string): Promise<{ frames: readonly Frame[]; drawn: Rows }> {
  await using registry = await startRegistry({ port: 5000, bytesPerSecond: BYTES_PER_SECOND });
  const { layers, config } = makeModel({ size: SIZES[0]! });
  const more = SIZES.slice(1).map((size, i) => ({
    ...layers[0]!,
    content: makeModel({ size, seed: i + 2 }).weights,
  }));
  const model = registry.add("library/llama3.2:latest", { layers: [...layers, ...more], config });
  await installCommand(home);
  await using shell = new Pty(["bash", "--norc", "--noprofile", "-i"], {
    columns: COLUMNS,
    rows: ROWS,
    env: {
      HOME: home,
      PATH: `${home}:${Deno.env.get("PATH")}`,
      PS1: "$ ",
      OLLAMA_MODELS: `${home}/models`,
      ...cacheOfDeno(),
    },
  });
  const camera = new Camera();
  const until = async (seen: (screen: Screen) => boolean) => {
    await shell.until((screen) => {
      camera.look(screen);
      return seen(screen);
    });
    camera.look(shell.screen, true);
  };
  const prompts = (count: number) => (screen: Screen) =>
    screen.lines.filter((line) => line.startsWith("$")).length === count;
  const command = `pullama ${model.name} --insecure\r`;

  await until(prompts(1));
  await shell.type(command);
  await until((screen) => percent(screen) >= KILLED);
  Deno.kill(Number(await Deno.readTextFile(`${home}/pid`)), "SIGKILL");
  await until(prompts(2));

  let refusals = 1;
  registry.faults.data = () =>
    refusals-- > 0 ? { status: 429, headers: { "retry-after": "2" } } : undefined;
  await shell.type(command);
  await until((screen) => percent(screen) >= DRAWN);
  const drawn = shell.screen.painted;
  await until(prompts(3));
  camera.cut(LAST_SECONDS);
  return { frames: camera.frames, drawn };
}

/** Puts `pullama` into `home`, which writes its process ID there. */
async function installCommand(home: string): Promise<void> {
  const words = pullamaCommand().map((word) => `'${word}'`).join(" ");
  const script = `#!/bin/sh\necho $$ >"$HOME/pid"\nexec ${words} "$@"\n`;
  await Deno.writeTextFile(`${home}/pullama`, script, { mode: 0o755 });
}

/** Of the newest bar. */
function percent(screen: Screen): number {
  const bar = screen.lines.findLast((line) => line.startsWith("│ ["));
  return Number(/(\d+)%/.exec(bar ?? "")?.[1] ?? 0);
}
