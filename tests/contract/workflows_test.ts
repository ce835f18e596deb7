/** What may be done in the name of the project on GitHub, and by whom. */

import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { installNotes, releaseNotes } from "../../tools/release_notes.ts";
import { filesBelow } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Job {
  readonly name: string;
  readonly text: string;
  /** "contents: read" and the like. */
  readonly permissions: readonly string[];
}

const workflows = filesBelow(".github/workflows").map((path) => {
  const text = Deno.readTextFileSync(join(ROOT, path));
  return { path, text, jobs: jobsOf(text) };
});
const jobs = workflows.flatMap((workflow) => workflow.jobs);

/** What stands below `jobs:`; the files have two blanks for each level, as the formatter of YAML leaves them. */
function jobsOf(text: string): Job[] {
  const [, body = ""] = text.split(/^jobs:\n/m);
  return body.split(/^ {2}(?=\w)/m).slice(1).map((job) => {
    const [, permissions = ""] = /^ {4}permissions:\n((?: {6}.*\n)+)/m.exec(job) ?? [];
    return {
      name: job.slice(0, job.indexOf(":")),
      text: job,
      permissions: permissions.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
    };
  });
}

Deno.test("actions of others are named by their commit, with the version behind it", () => {
  const uses = workflows.flatMap(({ text }) => text.match(/\buses:.*/g) ?? []);
  assert.ok(uses.length > 5);
  for (const use of uses) {
    assert.match(use, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
  const byAction = new Map<string, Set<string>>();
  for (const use of uses) {
    const [action = "", commit = ""] = use.slice("uses: ".length).split("@");
    byAction.set(action, (byAction.get(action) ?? new Set()).add(commit));
  }
  const several = [...byAction].filter(([_, commits]) => commits.size > 1);
  assert.deepEqual(several, []);
});

Deno.test("a workflow has no permissions, and a job only those it needs", () => {
  for (const { path, text } of workflows) assert.match(text, /^permissions: \{\}$/m, path);
  assert.deepEqual(Object.fromEntries(jobs.map(({ name, permissions }) => [name, permissions])), {
    ok: ["contents: read"],
    program: ["contents: read"],
    oldest: ["contents: read"],
    everything: ["contents: read"],
    build: ["contents: read"],
    github: ["contents: write", "id-token: write", "attestations: write"],
    npm: ["id-token: write"],
    image: ["packages: write"],
    jsr: ["contents: read", "id-token: write"],
  });
});

Deno.test("a job that may write to the repository runs nothing of it, nor of its packages", () => {
  const writing = jobs.filter(({ permissions }) => permissions.includes("contents: write"));
  assert.deepEqual(writing.map(({ name }) => name), ["github"]);
  for (const { text } of writing) assert.doesNotMatch(text, /\bdeno\b|\bnpx?\b|actions\/checkout/);
});

Deno.test("a job that publishes packages runs nothing of the repository", () => {
  const publishing = jobs.filter(({ name }) => ["npm", "image"].includes(name));
  assert.equal(publishing.length, 2);
  for (const { text } of publishing) {
    assert.doesNotMatch(text, /\bdeno\b|actions\/checkout/);
    assert.match(text, /sha256sum --check --quiet SHA256SUMS\n/);
  }
});

Deno.test("no name that others choose is put into a script, and no checkout keeps a token", () => {
  for (const { path, text } of workflows) {
    const scripts = [...text.matchAll(/\brun: (?:\|\n((?: {10}.*\n)+)|(.*))/g)]
      .map(([_, block, line]) => block ?? line ?? "");
    assert.ok(scripts.length > 0);
    assert.deepEqual(scripts.filter((script) => script.includes("${{")), [], path);
    const checkouts = text.match(/actions\/checkout@/g)?.length;
    assert.equal(text.match(/persist-credentials: false/g)?.length, checkouts, path);
  }
});

Deno.test("every job ends some day, and is done with the Deno of .ci/run", () => {
  for (const { name, text } of jobs) assert.match(text, /timeout-minutes: \d+/, name);
  const [, deno] = /\bdeno@(\d+\.\d+\.\d+)/.exec(Deno.readTextFileSync(join(ROOT, ".ci/run"))) ??
    [];
  const versions = workflows.flatMap(({ text }) => text.match(/(?<=deno-version: ).*/g) ?? []);
  assert.deepEqual([...new Set(versions)], [deno]);
});

Deno.test("the workflows run tasks and files that exist", () => {
  const all = workflows.map(({ text }) => text).join("\n");
  const tasks = [...all.matchAll(/\bdeno task (\w+)/g)].map((hit) => hit[1]!);
  assert.deepEqual(tasks.filter((task) => !Object.hasOwn(config.tasks, task)), []);
  for (const [path] of all.matchAll(/\btools\/\w+\.ts/g)) {
    assert.ok(Deno.statSync(join(ROOT, path)).isFile, path);
  }
});

const CHANGES = "# Changes\n\n## 1.1.0 (2027-01-01)\n\n- new\n\n## 1.0.0\n\n- first\n- second\n";

Deno.test("releaseNotes() returns the entry of that version only", () => {
  assert.equal(releaseNotes(CHANGES, "v1.1.0", "1.1.0"), "- new\n");
  assert.equal(releaseNotes(CHANGES, "v1.0.0", "1.0.0"), "- first\n- second\n");
});

Deno.test("releaseNotes() rejects a tag that does not match the version, and a version without an entry", () => {
  assert.throws(
    () => releaseNotes(CHANGES, "v1.0.0", "1.1.0"),
    /v1\.0\.0 does not match the version 1\.1\.0/,
  );
  assert.throws(() => releaseNotes(CHANGES, "v1.0", "1.0"), /no entry for 1\.0$/);
  assert.throws(
    () => releaseNotes("## 2.0.0\n\n## 1.0.0\n", "v2.0.0", "2.0.0"),
    /no entry for 2\.0\.0/,
  );
});

Deno.test("installNotes() has an installer for each system, by https alone", () => {
  const notes = installNotes("https://example.com/v1");
  assert.match(notes, /^curl --proto '=https' .* https:\/\/example\.com\/v1\/install\.sh \| sh$/m);
  assert.match(notes, /^irm https:\/\/example\.com\/v1\/install\.ps1 \| iex$/m);
  assert.match(notes, /`scoop install https:\/\/example\.com\/v1\/pullama\.json`/);
  for (const script of ["install.sh", "install.ps1"]) {
    assert.ok(Deno.statSync(join(ROOT, script)).isFile);
  }
});

Deno.test("CHANGELOG.md has an entry for the version in deno.json", () => {
  const changelog = Deno.readTextFileSync(join(ROOT, "CHANGELOG.md"));
  assert.ok(releaseNotes(changelog, `v${config.version}`, config.version).length > 10);
});
