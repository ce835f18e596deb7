import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { width } from "../../src/ui/terminal/draw.ts";
import { commandsOf } from "../real/uses.ts";
import { fakeHost, pullUnknown, ran } from "./fake_host.ts";

/** Splits a command line at blanks. */
function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}

Deno.test("run() pulls models, with and without `pull`, with flags before, between and after", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["llama3.2", "llama3.2:latest"],
    ["pull llama3.2", "llama3.2:latest"],
    ["a b user/c:7b", "a:latest b:latest user/c:7b"],
    ["--quiet a", "a:latest"],
    ["a --quiet", "a:latest"],
    ["a -q b", "a:latest b:latest"],
    ["--models-dir /d a", "a:latest"],
    ["--models-dir=/d a", "a:latest"],
    ["a --models-dir /d --output json", "a:latest"],
    ["--output json pull a", "a:latest"],
    ["--connections 8 --quiet pull --force a -v", "a:latest"],
    ["-qv a", "a:latest"],
    ["-- list", "list:latest"],
    ["-- pull", "pull:latest"],
    ["--quiet -- help", "help:latest"],
    ["pull help", "help:latest"],
    ["pull -- version", "version:latest"],
    ["pull pull", "pull:latest"],
    ["a help", "a:latest help:latest"],
    ["help:latest", "help:latest"],
    ["library/version", "version:latest"],
    ["--models-dir version a", "a:latest"],
  ];
  for (const [line, models] of cases) {
    const { code, pulled, err } = await ran(words(line));
    assert.deepEqual([code, pulled.join(" "), err], [0, models, ""], line);
  }
});

Deno.test("run() passes the flags to the engine", async () => {
  const line = "m --models-dir /d --insecure --max-retries 0 --chunk-size 8MiB --timeout 90s " +
    "--connections 64 --limit-rate 5M --retry-for 24h --ca-cert /c.pem " +
    "--token-host sso.corp --token-host sso.corp:8443 " +
    "--mirror http://10.0.0.5:11435/ --mirror https://r.corp/x --offline --force --dry-run";
  for (const flags of [line, line.replaceAll(/(--[a-z-]+) (?!--)/g, "$1=")]) {
    const argv = words(flags).map((word) => word.replace(/^(--(insecure|offline|force))=$/, "$1"));
    assert.deepEqual((await ran(argv)).options, {
      modelsDir: "/d",
      insecure: true,
      maxRetries: 0,
      chunkSize: 8 * 2 ** 20,
      timeoutMs: 90_000,
      connections: 64,
      limitRate: { usual: 5_000_000, at: [] },
      retryForMs: 24 * 3_600_000,
      caCert: "/c.pem",
      tokenHosts: ["sso.corp", "sso.corp:8443"],
      mirrors: ["http://10.0.0.5:11435", "https://r.corp/x"],
      offline: true,
      force: true,
      dryRun: true,
    });
  }
});

Deno.test("run() passes the defaults and the stop signals to the engine", async () => {
  const host = fakeHost();
  const { options, stop } = await ran(["m"], host);
  assert.deepEqual(options, {
    modelsDir: join("/home/u", ".ollama", "models"),
    insecure: false,
    maxRetries: 6,
    chunkSize: 64 * 2 ** 20,
    timeoutMs: 1_800_000,
    connections: undefined,
    tokenHosts: [],
    force: false,
    dryRun: false,
  });
  assert.equal(stop, host.stop);
});

Deno.test("run() uses the last value of a flag that is given twice", async () => {
  const { options } = await ran(words("--connections 2 m --connections 3"));
  assert.equal(options?.connections, 3);
});

Deno.test("run() retries without limit with --retry-for forever", async () => {
  assert.equal((await ran(words("m --retry-for forever"))).options?.retryForMs, Infinity);
});

Deno.test("run() reports usage errors on stderr, with exit code 1, before opening anything", async () => {
  const cases: readonly (readonly [string, ...RegExp[]])[] = [
    ["", /Usage: pullama <model>/],
    ["--quiet", /missing required argument 'model'/],
    ["pull", /missing required argument 'model'/],
    ["--", /missing required argument 'model'/],
    ["m --frobnicate", /unknown option '--frobnicate'/],
    ["m --verbos", /unknown option '--verbos'\n\(Did you mean --verbose\?\)/],
    ["--outptu json m", /unknown option '--outptu'\n\(Did you mean --output\?\)/],
    ["m -x", /unknown option '-x'/],
    ["m --quiet=yes", /^error: --quiet takes no value\n/],
    ["list --no-color=1", /^error: --no-color takes no value\n/],
    ["m --output", /option '--output <mode>' argument missing/],
    ["m --output xml", /--output <mode>' argument 'xml'/, /table, compact, json, debug/],
    ["m --output=", /--output <mode>' argument ''/, /table, compact, json, debug/],
    ["m --connections 0", /--connections <n>' argument '0'/, /from 1 to 64/],
    ["m --connections 65", /argument '65'/, /from 1 to 64/],
    ["m --connections -1", /argument '-1'/, /from 1 to 64/],
    ["m --connections 2.5", /argument '2.5'/, /from 1 to 64/],
    ["m --connections 1e1", /argument '1e1'/, /from 1 to 64/],
    ["m --max-retries many", /--max-retries <n>' argument 'many'/, /from 0 to 10000/],
    ["m --max-retries --quiet", /--max-retries <n>' argument '--quiet'/, /from 0 to 10000/],
    ["m --chunk-size 8Q", /--chunk-size <size>' argument '8Q'/, /64KiB or more/],
    ["m --chunk-size 1", /--chunk-size <size>' argument '1'/, /64KiB or more/],
    ["m --limit-rate 0", /--limit-rate <rate>' argument '0'/, /such as 5M, or "off"/],
    ["m --timeout 5", /--timeout <dur>' argument '5'/, /such as 90s/],
    ["m --timeout 0s", /--timeout <dur>' argument '0s'/, /such as 90s/],
    ["m --retry-for never", /--retry-for <dur>' argument 'never'/, /"forever"/],
    ["m --models-dir --quiet", /--models-dir <dir>' argument '--quiet'/, /begin with "-"/],
    ["--models-dir= m", /--models-dir <dir>' argument ''/, /not empty/],
    ["m --ca-cert -v", /--ca-cert <file>' argument '-v'/, /begin with "-"/],
    ["m --token-host https://u:p@h/", /--token-host <host>' argument/, /such as gitlab\./],
    ["m --token-host --quiet", /--token-host <host>' argument '--quiet'/, /such as gitlab\./],
    ["help nosuch", /unknown command 'nosuch'/],
    ["help versoin", /unknown command 'versoin'\n\(Did you mean version\?\)/],
    ["version extra", /too many arguments/],
    [
      "version --force",
      /unknown option '--force'\n\('version' has no --force; pull, cp, mv, export, import, update and queue|most other commands have it/,
    ],
  ];
  for (const [line, ...patterns] of cases) {
    const { code, out, err, opened } = await ran(words(line));
    assert.deepEqual([code, out, opened], [1, "", 0], line);
    for (const pattern of patterns) assert.match(err, pattern, line);
  }
});

Deno.test("run() prints the version on stdout", async () => {
  for (const line of ["version", "--version", "-V", "m --version"]) {
    const { code, out, err } = await ran(words(line));
    assert.deepEqual([code, out, err], [0, `pullama ${config.version}\n`, ""], line);
  }
});

Deno.test("run() prints help on stdout, at most 80 columns wide, in groups and with examples", async () => {
  for (const line of ["help", "--help", "-h", "--quiet --help", "help help"]) {
    assert.equal((await ran(words(line))).code, 0, line);
  }
  const { out, err } = await ran(["help"]);
  assert.equal(err, "");
  for (const heading of ["Usage:", "Storage:", "Network:", "Output:", "Commands:", "Examples:"]) {
    assert.ok(out.includes(heading), heading);
  }
  const wide = fakeHost();
  wide.out.resize(300);
  for (const text of [out, (await ran(["help"], wide)).out]) {
    for (const row of text.split("\n")) assert.ok(width(row) <= 80, row);
  }
});

Deno.test("run() prints no help that is wider than 80 columns", async () => {
  const commands = await commandsOf((...words) => ran(["help", ...words]));
  assert.ok(commands.length > 20, commands.join(", "));
  for (const command of commands) {
    const { out } = await ran(["help", ...command.split(" ")]);
    for (const row of out.split("\n")) assert.ok(width(row) <= 80, `${command}: ${row}`);
  }
});

Deno.test("run() prints at most one screen with -h, for each command too", async () => {
  const { out } = await ran(["-h"]);
  assert.ok(out.split("\n").length <= 40, out);
  for (const word of ["pull", "list", "rm", "clean", "queue", "--help"]) {
    assert.ok(out.includes(word));
  }
  assert.ok(!out.includes("Exit codes:"));
  assert.match((await ran(["rm", "--help"])).out, /Examples:/);
  assert.doesNotMatch((await ran(["rm", "-h"])).out, /Examples:/);
});

Deno.test("run() prints examples in the help of every command with arguments", async () => {
  for (
    const line of ["pull", "list", "show", "rm", "clean", "completion", "queue add", "queue start"]
  ) {
    assert.match((await ran(words(`${line} --help`))).out, /\nExamples:\n/, line);
  }
});

Deno.test("run() prints the same help and errors wherever the command is on the line", async () => {
  const { out } = await ran(["__complete", "--", "help", ""]);
  const commands = out.split("\n").map((line) => line.split("\t")[0]!).filter((name) =>
    name !== ""
  );
  assert.ok(commands.includes("list"), out);
  for (const name of commands) {
    const help = (await ran(["help", name])).out;
    assert.ok(help.startsWith(`Usage: pullama ${name}`), help);
    for (const line of [`${name} --help`, `--verbose ${name} --help`]) {
      assert.equal((await ran(words(line))).out, help, line);
    }
    const slip = "--no-colour";
    assert.deepEqual(await ran([name, slip]), await ran([slip, name]), name);
  }
});

Deno.test("run() lists every flag of a pull in its help, and in that of the program", async () => {
  const flags = "--models-dir --insecure --quiet --verbose --no-color --output --max-retries " +
    "--chunk-size --timeout --connections --limit-rate --retry-for --ca-cert --token-host " +
    "--mirror --offline --force --dry-run";
  for (const line of ["help", "help pull", "pull --help", "m -h"]) {
    const { out } = await ran(words(line));
    for (const flag of words(flags)) assert.ok(out.includes(flag), `${line}: ${flag}`);
  }
});

Deno.test("run() suggests a command for a nonexistent model with a similar name", async () => {
  const unknown = async (given: string) => (await ran([given], fakeHost(), pullUnknown)).err;
  assert.match(await unknown("verison"), /^hint: did you mean the command: pullama version$/m);
  assert.match(await unknown("llama3.2"), /^hint: see https:\/\/ollama\.com\/library$/m);
  assert.match(await unknown("user/version"), /^hint: see/m);
});

Deno.test("run() fails if the models folder cannot be determined", async () => {
  const { code, out, err, opened } = await ran(["m"], fakeHost({ env: {} }));
  assert.deepEqual([code, out, opened], [1, "", 0]);
  assert.equal(
    err,
    "cannot determine the models folder: no home folder\n" +
      "hint: set --models-dir or OLLAMA_MODELS\n",
  );
});
