import assert from "node:assert/strict";
import { linkTo } from "../../fakes/link.ts";
import { makeModel } from "../../fakes/model.ts";
import { CLOUD_STUB, install, type InstallOptions, layer } from "../../store/installed_models.ts";
import { colorTerminal } from "../../ui/fake_terminal.ts";
import { fakeHost, type Ran, ran } from "../fake_host.ts";
import { testWith } from "../../needs.ts";

const MODEL = makeModel({ size: 0 });
const LICENCE = { layers: [layer("license", "free\n")] };
/** The time of the fake host. */
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

function ago(hours: number): InstallOptions {
  return { modified: new Date(NOW - hours * 3_600_000) };
}

/** Runs command lines with a models folder. */
async function within(
  fill: (models: string) => void,
  test: (run: (line: string) => Promise<Ran>, models: string) => Promise<void>,
): Promise<void> {
  const models = await Deno.makeTempDir({ prefix: "pullama-list-" });
  try {
    fill(models);
    await test((line) => ran([...line.split(" "), "--models-dir", models]), models);
  } finally {
    await Deno.remove(models, { recursive: true });
  }
}

function three(models: string): void {
  install(models, "llama3.2/latest", MODEL, ago(3));
  install(models, "hf.co/User/Repo-GGUF/Q4_K_M", MODEL, ago(72));
  install(models, "gpt-oss/120b-cloud", CLOUD_STUB, ago(24 * 100));
}

Deno.test("pullama list prints installed models, newest first", async () => {
  await within(three, async (run, models) => {
    // The same files give the same manifest.
    const [llama, stub] = [MODEL, CLOUD_STUB].map((files) =>
      install(`${models}/other`, "m/latest", files).hex.slice(0, 12)
    );
    for (const line of ["list", "ls", "--no-color list", "--output table ls"]) {
      const { code, out, err } = await run(line);
      assert.deepEqual([code, err], [0, ""], line);
      assert.deepEqual(out.trimEnd().split("\n").map((row) => row.split(/ {2,}/)), [
        ["NAME", "ID", "SIZE", "MODIFIED"],
        ["llama3.2:latest", llama!, "116 kB", "3 hours ago"],
        ["hf.co/User/Repo-GGUF:Q4_K_M", llama!, "116 kB", "3 days ago"],
        ["gpt-oss:120b-cloud", stub!, "-", "3 months ago"],
      ], line);
    }
  });
});

Deno.test("pullama list accepts flags before and after the command, and OLLAMA_MODELS", async () => {
  await within(three, async (run, models) => {
    for (const line of ["-q list", "list -q", "--quiet ls", "ls --output compact --quiet"]) {
      const { out } = await run(line);
      assert.equal(out, "llama3.2:latest\nhf.co/User/Repo-GGUF:Q4_K_M\ngpt-oss:120b-cloud\n", line);
    }
    const env = { HOME: "/home/u", OLLAMA_MODELS: models };
    assert.match((await ran(["list"], fakeHost({ env }))).out, /^llama3\.2:latest /m);
    assert.match((await ran([`--models-dir=${models}`, "ls"])).out, /^llama3\.2:latest /m);
    assert.match((await run("ls -v")).out, /2026-01-02T00:04:05Z$/m);
    const document = JSON.parse((await run("ls --output json")).out);
    assert.equal(document.models.length, 3);
    assert.match((await run("ls --output debug")).out, /full_name: /);
    assert.equal((await run("ls --output compact")).out.split("\n").length, 4);
  });
});

Deno.test("pullama list --output lock prints one pinned name per line, sorted, whatever the times are", async () => {
  await within(three, async (run) => {
    const digests: Record<string, string> = Object.fromEntries(
      JSON.parse((await run("ls --output json")).out).models
        .map(({ name, digest }: Record<string, string>) => [name, digest]),
    );
    const names = ["gpt-oss:120b-cloud", "hf.co/User/Repo-GGUF:Q4_K_M", "llama3.2:latest"];
    const lines = names.map((name) => `${name}@${digests[name]}`);
    const { code, out, err } = await run("ls --output lock");
    assert.deepEqual([code, err], [0, ""]);
    assert.deepEqual(out.trimEnd().split("\n"), ["# for: pullama pull --from-file", ...lines]);
    const some = (await run("ls --output lock llama")).out;
    assert.deepEqual(some.trimEnd().split("\n").slice(1), lines.slice(2));
  });
});

Deno.test("pullama list --digests also lists blobs, all with whole digests, in every mode", async () => {
  await within((models) => install(models, "llama3.2/latest", MODEL), async (run, models) => {
    const [model] = JSON.parse((await run("ls --output json --digests")).out).models;
    const blobs: readonly string[] = model.blobs.map(({ digest }: { digest: string }) => digest);
    const files = [...Deno.readDirSync(`${models}/blobs`)].map(({ name }) => name);
    assert.deepEqual(blobs.map((digest) => digest.replace(":", "-")).sort(), files.sort());
    const digests = [model.digest, ...blobs];
    const rows = (text: string) =>
      text.trimEnd().split("\n").map((row) => row.trim().split(/ {2,}/));
    const [header, first, ...others] = rows((await run("ls --digests")).out);
    assert.deepEqual(header, ["NAME", "DIGEST", "SIZE", "MODIFIED"]);
    assert.deepEqual(first!.slice(0, 2), ["llama3.2:latest", model.digest]);
    assert.deepEqual(others.map(([digest]) => digest), blobs);
    assert.equal((await run("ls --digests -q")).out, digests.map((one) => `${one}\n`).join(""));
    assert.equal(JSON.parse((await run("ls --output json")).out).models[0].blobs, undefined);
    // A window that is narrower than a digest truncates none.
    const narrow = fakeHost({ terminal: () => colorTerminal(60) });
    const { out } = await ran(["ls", "--digests", "--models-dir", models], narrow);
    for (const digest of digests) assert.ok(out.includes(digest));
  });
});

Deno.test("pullama list filters by prefix, ignoring case", async () => {
  await within(three, async (run) => {
    assert.equal((await run("ls -q HF.co/user")).out, "hf.co/User/Repo-GGUF:Q4_K_M\n");
    assert.equal((await run("-q ls gpt-OSS:120b")).out, "gpt-oss:120b-cloud\n");
    const { code, out, err } = await run("ls nosuch");
    assert.deepEqual([code, out.trim()], [0, "NAME    ID    SIZE    MODIFIED"]);
    assert.equal(err, 'no installed model begins with "nosuch"\n');
    assert.match((await run("ls a b")).err, /too many arguments/);
  });
});

Deno.test("pullama list warns about a broken manifest and lists the other models", async () => {
  const fill = (models: string) => {
    install(models, "good/latest", LICENCE);
    install(models, "cut/latest", { manifest: '{"layers":' });
    install(models, "odd/a b", LICENCE);
  };
  await within(fill, async (run, models) => {
    const { code, out, err } = await run("list -q");
    assert.deepEqual([code, out], [0, "good:latest\n"]);
    const library = `${models}/manifests/registry.ollama.ai/library`;
    assert.equal(
      err,
      `warning: cannot read the manifest ${library}/cut/latest: cannot use the manifest: ` +
        "it is not JSON\n" +
        `hint: pull the model again: pullama pull cut:latest --models-dir ${models}\n` +
        `warning: cannot list the manifest ${library}/odd/a b: its path is not a valid model name\n` +
        "hint: move the file elsewhere: an Ollama server may mistake it for a model\n",
    );
    assert.equal((await run("list -q good")).err, "");
    const { broken } = JSON.parse((await run("list --output json")).out);
    assert.deepEqual(broken.map(({ name }: { name?: string }) => name), ["cut:latest", undefined]);
  });
});

Deno.test("pullama list warns about a manifest that another one hides", async () => {
  const fill = (models: string) => {
    install(models, "m/latest", LICENCE);
    install(models, "m/latest", MODEL, { tree: "manifests-v2" });
  };
  await within(fill, async (run) => {
    const { code, out, err } = await run("list -q");
    assert.deepEqual([code, out], [0, "m:latest\n"]);
    assert.match(
      err,
      /^warning: 1 manifest hidden by others of the same name in manifests-v2: m:latest\nhint: /,
    );
  });
});

Deno.test("pullama list prints the folder if it contains no models", async () => {
  await within(() => {}, async (run, models) => {
    const { code, out, err } = await run("list");
    assert.deepEqual([code, out], [0, "NAME    ID    SIZE    MODIFIED\n"]);
    assert.equal(err, `no models in ${models}\n`);
    for (const line of ["list -q", "list --output compact -q"]) {
      const quiet = await run(line);
      assert.deepEqual([quiet.code, quiet.out, quiet.err], [0, "", ""], line);
    }
    const json = await run("list --output json");
    assert.deepEqual([JSON.parse(json.out), json.err], [
      { models: [], broken: [], hidden: [] },
      "",
    ]);
    const nowhere = await ran(["list", "--models-dir", `${models}/nosuch`]);
    assert.deepEqual([nowhere.code, nowhere.err], [0, `no models in ${models}/nosuch\n`]);
  });
});

Deno.test("pullama list warns that the service uses another folder if there are no models", async () => {
  const home = await Deno.makeTempDir();
  try {
    const service = "/usr/share/ollama/.ollama/models";
    const host = fakeHost({ env: { HOME: home }, os: "linux", folders: { [service]: "filled" } });
    const { code, err } = await ran(["list"], host);
    assert.equal(code, 0);
    assert.match(err, /^warning: .*\/usr\/share\/ollama/m);
    assert.match(err, /^no models in /m);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

testWith(["symbolic links"], "pullama list exits with 1 if a folder cannot be read", async () => {
  await within(three, async (run, models) => {
    const loop = `${models}/manifests/loop`;
    linkTo(loop, loop);
    const { code, out, err } = await run("list");
    assert.deepEqual([code, out], [1, ""]);
    assert.ok(err.startsWith(`cannot read ${loop}: `), err);
  });
});

Deno.test("pullama list fits the window, in ASCII with --no-color", async () => {
  await within(three, async (_run, models) => {
    const argv = ["list", "--models-dir", models];
    const narrow = fakeHost({ terminal: () => colorTerminal(50) });
    assert.match((await ran(argv, narrow)).out, /^hf\.co\/User\/\S*… /m);
    const ascii = fakeHost({ terminal: () => colorTerminal(50) });
    assert.match((await ran([...argv, "--no-color"], ascii)).out, /^hf\.co\/User\S*\.\.\. /m);
  });
});

Deno.test("pullama list --help prints its flags and examples within 80 columns", async () => {
  for (const line of ["list --help", "help list", "help ls", "ls --help"]) {
    const { code, out } = await ran(line.split(" "));
    assert.equal(code, 0);
    for (const word of ["Usage: pullama list|ls", "--models-dir", "--quiet", "Examples:"]) {
      assert.ok(out.includes(word), `${line}: ${word}`);
    }
    assert.deepEqual(out.split("\n").filter((row) => row.length > 80), []);
  }
});
