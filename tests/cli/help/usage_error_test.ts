import assert from "node:assert/strict";
import { ran } from "../fake_host.ts";

async function said(line: string): Promise<string> {
  const { code, out, err, opened } = await ran(line.split(" "));
  assert.deepEqual([code, out, opened], [1, "", 0], line);
  return err;
}

for (
  const [line, ...expected] of [
    [
      "list --all",
      "('list' has no --all; cp, mv, export, prune, update and push have it)",
      "list",
    ],
    [
      "queue list --insecure",
      "('queue list' has no --insecure; most other commands have it)",
      "queue list",
    ],
    ["show m --queue", "('show' has no --queue; clean has it)", "show"],
    [
      "version --output json",
      "('version' has no --output; most other commands have it)",
      "version",
    ],
    [
      "queue --models-dir m",
      "('queue' has no --models-dir; queue add, queue list, queue rm and queue start have it)",
      "queue",
    ],
    [
      "--quiet queue",
      "('queue' has no --quiet; queue add, queue list, queue rm and queue start have it)",
      "queue",
    ],
    ["queue add x --outputt json", "(Did you mean --output?)", "queue add"],
    ["clean --dryrun", "(Did you mean --dry-run?)", "clean"],
    ["list --outptu=json", "(Did you mean --output?)", "list"],
    ["pull m --verbos", "(Did you mean --verbose?)", "pull"],
    ["m --versoin", "(Did you mean --version?)", ""],
    ["m --queue", "('pull' has no --queue; clean has it)", ""],
  ] as const
) {
  Deno.test(`an unknown flag: the commands that have it, or the most similar flag: ${line}`, async () => {
    const [says, help] = expected;
    const [first, second, third, ...rest] = (await said(line)).split("\n");
    assert.match(first!, /^error: unknown option '--\S+'$/);
    assert.equal(second, says);
    assert.equal(third, `hint: see "${["pullama help", help].join(" ").trim()}"`);
    assert.deepEqual(rest, [""]);
  });
}

Deno.test("an unknown flag that is similar to none gets no suggestion", async () => {
  assert.equal(
    await said("list --frobnicate"),
    `error: unknown option '--frobnicate'\nhint: see "pullama help list"\n`,
  );
  assert.equal(
    await said("list -x"),
    `error: unknown option '-x'\nhint: see "pullama help list"\n`,
  );
});

Deno.test("a flag that takes no value rejects one", async () => {
  for (
    const [line, flag, help] of [
      ["m --quiet=true", "--quiet", "help"],
      ["list --no-color=1", "--no-color", "help list"],
      ["queue start --insecure=", "--insecure", "help queue start"],
    ] as const
  ) {
    assert.equal(
      await said(line),
      `error: ${flag} takes no value\nhint: see "pullama ${help}"\n`,
      line,
    );
  }
});

Deno.test("every usage error has a hint at the help of its command", async () => {
  for (
    const [line, help] of [
      ["m --connections 0", "help"],
      ["pull --connections 0 m", "help pull"],
      ["ls a b", "help list"],
      ["queue add", "help queue add"],
      ["queue rm x", "help queue rm"],
      ["queue strat", "help queue"],
      ["help nosuch", "help"],
      ["completion tcsh", "help completion"],
    ] as const
  ) {
    const err = await said(line);
    assert.ok(err.endsWith(`\nhint: see "pullama ${help}"\n`), err);
    assert.equal(err.match(/hint:/g)?.length, 1, err);
  }
});
