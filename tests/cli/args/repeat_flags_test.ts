/** Suggested command lines, run through a shell: they use the same folder and network settings. */

import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { absolute, quotedWord, repeatPullFlags } from "../../../src/cli/args/repeat_flags.ts";
import { runToEnd } from "../../real/child.ts";
import { textOf } from "../../queue/place.ts";
import { install, layer } from "../../store/installed_models.ts";
import { fakeHost, pullInterrupted, pullUnknown, type Ran, ran } from "../fake_host.ts";
import { testWith } from "../../needs.ts";

/** The words into which a shell splits a line. */
async function split(line: string): Promise<string[]> {
  const { code, out, err } = await runToEnd(["sh", "-c", `printf '%s\\n' ${line}`]);
  assert.deepEqual([code, err], [0, ""]);
  return out.split("\n").slice(0, -1);
}

/** The arguments of the command line that follows `label` on stderr. */
async function printed({ err }: Ran, label: string): Promise<string[]> {
  const line = err.split("\n").find((one) => one.includes(label));
  assert.ok(line !== undefined, err);
  const [program, ...args] = await split(line.slice(line.indexOf(label) + label.length));
  assert.equal(program, "pullama");
  return args;
}

/** A folder whose name needs quoting in a shell, as an absolute and a relative path. */
async function oddFolder() {
  const root = await Deno.makeTempDir({ prefix: "pullama-same-" });
  const folder = join(root, "it's my $HOME; models");
  return {
    folder,
    relative: relative(Deno.cwd(), folder),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

testWith(
  ["a shell"],
  "the command that resumes a pull repeats the absolute folder and the network flags",
  async () => {
    await using at = await oddFolder();
    for (const dir of [at.folder, at.relative]) {
      const network = ["--insecure", "--ca-cert", "/my certs.pem", "--token-host", "[::1]:5000"];
      const flags = ["--models-dir", dir, ...network, "--token-host", "sso.corp", "--dry-run"];
      const first = await ran(["a", "b", ...flags], fakeHost(), pullInterrupted);
      assert.match(
        first.err,
        /^interrupted - resume with: pullama a:latest b:latest --models-dir /,
      );
      const again = await ran(await printed(first, "resume with: "));
      assert.deepEqual(again.pulled, ["a:latest", "b:latest"]);
      assert.deepEqual(again.options, { ...first.options, modelsDir: at.folder });
    }
    const bare = await ran(["a"], fakeHost(), pullInterrupted);
    assert.equal(bare.err, "interrupted - resume with: pullama a:latest\n");
  },
);

testWith(["a shell"], "the commands that resume or fill the queue use the same queue", async () => {
  await using at = await oddFolder();
  const queue = (...words: readonly string[]) => ["queue", ...words, "--models-dir", at.relative];
  await ran(queue("add", "a", "nosuch", "c"));
  const failed = await ran(queue("start", "--insecure"), fakeHost(), (name, emit, host) => {
    if (name.model === "nosuch") return pullUnknown(name, emit);
    return pullInterrupted(name, emit, host);
  });
  const again = await ran(await printed(failed, "resume with: "));
  assert.deepEqual(again.pulled, ["a:latest", "nosuch:latest", "c:latest"]);
  assert.deepEqual(again.options, { ...failed.options, modelsDir: at.folder });

  Deno.writeTextFileSync(`${at.folder}/.pullm/queue.json`, textOf("nosuch"));
  const lost = await ran(queue("start", "--insecure"), fakeHost(), pullUnknown);
  const add = await ran(await printed(lost, "to retry the failed models: "));
  assert.deepEqual([add.code, add.out], [0, "added 1 model to the queue\n"]);
  assert.match((await ran(queue("list"))).out, /nosuch:latest queued/);
});

testWith(["a shell"], "the hints of show, list and rm use the same folder", async () => {
  await using at = await oddFolder();
  install(at.folder, "cut/latest", { manifest: "{" });
  const flags = ["--models-dir", at.relative];
  for (
    const [line, label] of [
      [["show", "nosuch"], "pull it with: "],
      [["show", "cut"], "pull it with: "],
      [["list"], "pull the model again: "],
    ] as const
  ) {
    const again = await ran(await printed(await ran([...line, ...flags]), label));
    assert.equal(again.options?.modelsDir, at.folder, line.join(" "));
  }
  Deno.removeSync(`${at.folder}/manifests`, { recursive: true });
  install(at.folder, "other/latest", { layers: [layer("license", "free")] });
  const list = await printed(await ran(["rm", "zzz", ...flags]), "list installed models with: ");
  assert.match((await ran(list)).out, /^other:latest /m);
});

Deno.test("repeatPullFlags() quotes for Windows shells, and is empty without flags", () => {
  const windows = { os: "windows", env: () => undefined, cwd: () => "D:\\here" };
  assert.equal(
    repeatPullFlags({ modelsDir: "C:\\my models" }, windows),
    ' --models-dir "C:\\my models"',
  );
  assert.equal(
    repeatPullFlags({ modelsDir: "m", insecure: true }, windows),
    " --models-dir D:\\here\\m --insecure",
  );
  assert.equal(repeatPullFlags({}, windows), "");
  for (
    const [text, quoted] of [
      ["C:\\a & b (x86)\\", '"C:\\a & b (x86)\\\\"'],
      ["C:\\it's mine", '"C:\\it\'s mine"'],
      ["C:\\$it's", "'C:\\$it''s'"],
      ["C:\\50% `off`", "'C:\\50% `off`'"],
      ["D:\\models", "D:\\models"],
    ] as const
  ) assert.equal(quotedWord(text, windows), quoted);
});

Deno.test("absolute() returns a path unchanged if the working directory is unknown", () => {
  const lost = { os: "linux", env: () => undefined, cwd: () => undefined };
  assert.equal(absolute("m", lost), "m");
  assert.equal(absolute("/m", lost), "/m");
});
