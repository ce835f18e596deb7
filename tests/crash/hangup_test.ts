import assert from "node:assert/strict";
import { dirname } from "node:path";
import { spawnAlone } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { Pty } from "../real/pty.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import type { Machine } from "./machine.ts";
import { scene, servedAtLeast, SOON_MS, until } from "./scene.ts";
import { needing } from "../needs.ts";

const BASH = "/bin/bash";

/** An interactive shell in a terminal, which sends SIGHUP to its jobs when the terminal is closed. */
function shell(place: Machine): Pty {
  return new Pty([BASH, "--norc", "-i"], { columns: 80, env: place.env });
}

/** A command as typed into a shell. */
function typed(command: readonly string[]): string {
  return command.map((word) => `'${word}'`).join(" ");
}

for (const start of [[], ["queue", "start"]]) {
  const name = ["pullama", ...start].join(" ");
  Deno.test({
    ...needing(
      ["a terminal", "bash"],
      `nohup ${name} in the background completes after its terminal is closed`,
    ),
    async fn() {
      await using it = await scene({ bytesPerSecond: 10 * MIB });
      const { registry, place, model, weights } = it;
      if (start.length > 0) {
        const add = ["queue", "add", model.name, "--models-dir", place.models];
        assert.equal((await pullama(add, { home: dirname(place.models) })).code, 0);
      }
      const log = `${place.models}.log`;
      const command = place.command(start.length > 0 ? start : [model.name]);
      {
        await using terminal = shell(place);
        await terminal.type(`nohup ${typed(command)} > ${log} 2>&1 & echo $! > ${log}.pid\r`);
        await servedAtLeast(registry, weights.digest, 2 * MIB);
      }
      const pid = Deno.readTextFileSync(`${log}.pid`).trim();
      await until(() => !isRunning(pid), "it does not end");
      assert.match(Deno.readTextFileSync(log), /^pulled .*tiny/m);
      assertInstalled(place.models, model.name, it.installed);
    },
  });
}

Deno.test({
  ...needing(
    ["a terminal", "bash"],
    "case 97: closing the terminal of a pull stops it as a signal does",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 10 * MIB });
    const { registry, place, model, weights, args } = it;
    {
      await using terminal = shell(place);
      await terminal.type(`${typed(place.command(args))}\r`);
      await servedAtLeast(registry, weights.digest, 8 * MIB);
    }
    await until(() => place.unfinished("json").length > 0, "there is no checkpoint");
    await quiet(registry);
    const before = registry.served(weights.digest);
    await using again = place.start(args);
    assert.equal((await again.ended).code, 0, again.err());
    assertInstalled(place.models, model.name, it.installed);
    await quiet(registry);
    const twice = registry.served(weights.digest) - weights.size;
    assert.ok(before < weights.size && twice < 4 * MIB, `${twice} bytes came twice`);
  },
});

Deno.test({
  ...needing(
    ["a terminal"],
    "case 97: SIGHUP ends a pull on a terminal with exit code 0 and a hint, however often it is sent",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 10 * MIB });
    const { registry, place, weights, args } = it;
    const file = `${place.models}.pid`;
    const command = ["/bin/sh", "-c", 'echo $$ > "$0"; exec "$@"', file, ...place.command(args)];
    await using pty = new Pty(command, { columns: 120, env: place.env });
    await servedAtLeast(registry, weights.digest, 2 * MIB);
    const pid = Number(Deno.readTextFileSync(file));
    Deno.kill(pid, "SIGHUP");
    Deno.kill(pid, "SIGHUP");
    const sent = performance.now();
    assert.equal(await pty.ended(), 0);
    assert.ok(performance.now() - sent < SOON_MS);
    assert.match(pty.text, /interrupted — resume with: pullama /);
  },
});

Deno.test({
  ...needing(
    ["signals of Unix"],
    "SIGHUP that was ignored at the start does not end a pull, but SIGTERM does",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 10 * MIB });
    const { registry, place, weights, args } = it;
    const command = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", ...place.command(args)];
    const process = spawnAlone(command, { env: place.env });
    const texts = Promise.all(
      [process.stdout, process.stderr].map((stream) => new Response(stream).text()),
    );
    await servedAtLeast(registry, weights.digest, 2 * MIB);
    process.kill("SIGHUP");
    await servedAtLeast(registry, weights.digest, 8 * MIB);
    process.kill("SIGTERM");
    assert.equal((await process.status).code, 0);
    assert.match((await texts)[1]!, /resume with: pullama /);
  },
});

function isRunning(pid: string): boolean {
  try {
    // A process that has ended and was not waited for has no command line.
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`) !== "";
  } catch {
    return false;
  }
}
