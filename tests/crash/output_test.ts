import assert from "node:assert/strict";
import { assertInstalled, filesIn } from "../real/store.ts";
import { kill, spawnAlone } from "../real/child.ts";
import { Pty } from "../real/pty.ts";
import { MIB, quiet } from "./kills.ts";
import { scene, servedAtLeast, SOON_MS, until } from "./scene.ts";
import { needing } from "../needs.ts";

/** A pipe of 64 KiB, full except for the first events of a pull. */
const FULL_PIPE = ["/bin/sh", "-c", 'head -c 64512 /dev/zero; exec "$@"', "sh"];

/** A pull of the model with `--output json`, whose stdout is a full pipe. */
function startUnread({ place, model }: Awaited<ReturnType<typeof scene>>) {
  const command = [...FULL_PIPE, ...place.command([model.name, "--output", "json"])];
  const process = spawnAlone(command, { env: place.env });
  const err = new Response(process.stderr).text();
  return {
    process,
    err,
    async [Symbol.asyncDispose]() {
      kill(process, "SIGKILL");
      if (!process.stdout.locked) await process.stdout.cancel();
      await Promise.all([process.status, err]);
    },
  };
}

Deno.test({
  ...needing(
    ["Linux"],
    "a pull completes while its output is not read, and loses none of its results",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 20 * MIB });
    const { registry, place, model, weights } = it;
    await using run = startUnread(it);
    await servedAtLeast(registry, weights.digest, weights.size);
    await until(() => filesIn(place.models).includes(manifestOf(model.name)), "not installed");
    assertInstalled(place.models, model.name, it.installed);
    const out = await new Response(run.process.stdout).text();
    assert.equal((await run.process.status).code, 0, await run.err);
    const lines = out.replaceAll("\0", "").trimEnd().split("\n");
    const events: string[] = lines.map((line) => JSON.parse(line).event);
    const count = (event: string) => events.filter((other) => other === event).length;
    assert.equal(count("blob_verified"), it.installed.blobs.length);
    assert.deepEqual(
      ["pull_start", "manifest", "manifest_written", "pull_completed"].map(count),
      [1, 1, 1, 1],
    );
    assert.equal(events.at(-1), "pull_completed");
  },
});

Deno.test({
  ...needing(["Linux"], "case 97: signals stop a pull whose output is not read"),
  async fn() {
    await using it = await scene({ bytesPerSecond: 10 * MIB });
    const { registry, place, model, weights } = it;
    const cases = [
      [["SIGINT"], 0, /^interrupted - resume with: pullama /],
      [["SIGINT", "SIGTERM"], 1, /^exited at once: another signal arrived/],
    ] as const;
    for (const [signals, exitCode, says] of cases) {
      await using run = startUnread(it);
      await servedAtLeast(registry, weights.digest, registry.served(weights.digest) + 2 * MIB);
      for (const signal of signals) run.process.kill(signal);
      const sent = performance.now();
      const { code } = await run.process.status;
      assert.ok(performance.now() - sent < SOON_MS);
      assert.equal(code, exitCode);
      assert.match(await run.err, says);
    }
    await quiet(registry);
    assert.equal(place.unfinished("partial").length, 1);
    await using again = place.start([model.name]);
    assert.equal((await again.ended).code, 0, again.err());
  },
});

/** A pull on a terminal that Ctrl-S has stopped. */
async function startStopped(it: Awaited<ReturnType<typeof scene>>) {
  const { registry, place, model, weights } = it;
  const file = `${place.models}.pid`;
  const command = [
    "/bin/sh",
    "-c",
    'echo $$ > "$0"; exec "$@"',
    file,
    ...place.command([model.name]),
  ];
  const pty = new Pty(command, { columns: 80, env: place.env });
  await pty.until((screen) => screen.lines.some((line) => /\d+%/.test(line)));
  await pty.type("\x13");
  await servedAtLeast(registry, weights.digest, registry.served(weights.digest) + 4 * MIB);
  return { pty, pid: Number(Deno.readTextFileSync(file)) };
}

Deno.test({
  ...needing(
    ["a terminal"],
    "a pull completes on a terminal that is stopped by Ctrl-S, and Ctrl-Q shows the result",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 10 * MIB });
    const { pty: started } = await startStopped(it);
    await using pty = started;
    await until(
      () => filesIn(it.place.models).includes(manifestOf(it.model.name)),
      "not installed",
    );
    await pty.type("\x11");
    assert.equal(await pty.ended(), 0);
    const { lines, atRest } = pty.screen;
    assert.ok(atRest);
    assert.match(lines.at(-1) ?? "", /^╚═+╝$/);
    assert.equal(lines.filter((line) => line.startsWith("╭")).length, 1);
    assert.deepEqual(lines.filter((line) => /^│ \[/.test(line)), []);
  },
});

Deno.test({
  ...needing(
    ["a terminal"],
    "case 97: signals stop a pull on a terminal that is stopped by Ctrl-S",
  ),
  async fn() {
    await using it = await scene({ bytesPerSecond: 4 * MIB });
    for (const [signals, exitCode] of [[["SIGINT"], 0], [["SIGINT", "SIGTERM"], 1]] as const) {
      const { pty: started, pid } = await startStopped(it);
      await using pty = started;
      for (const signal of signals) Deno.kill(pid, signal);
      const sent = performance.now();
      assert.equal(await pty.ended(), exitCode);
      assert.ok(performance.now() - sent < SOON_MS);
    }
    assert.equal(it.place.unfinished("partial").length, 1);
  },
});

/** Where the manifest of a model is stored, below the models folder. */
function manifestOf(name: string): string {
  return `manifests/${name.replace(/:([^:]*)$/, "/$1")}`;
}
