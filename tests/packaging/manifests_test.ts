/** The files that name a public release: for Homebrew, Scoop, winget and the AUR. */

import assert from "node:assert/strict";
import { writeManifests } from "../../packaging/package.ts";
import { testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { standInRelease, URL_OF_FILES, VERSION } from "./stand_in.ts";

const FILES: readonly string[] = [
  "PKGBUILD",
  "Pullama.Pullama.installer.yaml",
  "Pullama.Pullama.locale.en-US.yaml",
  "Pullama.Pullama.yaml",
  "pullama-share.tar.gz",
  "pullama.json",
  "pullama.rb",
];

interface Written extends AsyncDisposable {
  readonly path: string;
  /** Sums by the names of files that can be downloaded. */
  readonly sums: ReadonlyMap<string, string>;
  text(name: string): string;
}

async function written(): Promise<Written> {
  const folder = await temporaryFolder();
  const { path } = folder;
  const release = await standInRelease(path);
  await Deno.mkdir(`${path}/out`);
  const made = await writeManifests(release, `${path}/out`, URL_OF_FILES);
  assert.deepEqual(made.map((each) => each.split("/").at(-1)).sort(), FILES);
  const sums = new Map(release.programs.map(({ file, sha256 }) => [file, sha256]));
  const { out } = await runToEnd(["sha256sum", `${path}/out/pullama-share.tar.gz`]);
  sums.set("pullama-share.tar.gz", out.slice(0, 64));
  return {
    path: `${path}/out`,
    sums,
    text: (name) => Deno.readTextFileSync(`${path}/out/${name}`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Each URL and the sum that follows it. */
function downloads(text: string): [url: string, sum: string][] {
  return [...text.matchAll(/(https:[^\s"'#]+\/releases\/[^\s"'#]+)[^]*?([0-9a-fA-F]{64})/g)]
    .map(([, url = "", sum = ""]) => [url, sum.toLowerCase()]);
}

testWith(
  ["Linux"],
  "each manifest downloads files of the release, with their checksums",
  async () => {
    await using all = await written();
    const expected: readonly (readonly [string, readonly string[]])[] = [
      ["pullama.rb", [
        "darwin-arm64",
        "darwin-amd64",
        "linux-arm64",
        "linux-amd64",
        "share.tar.gz",
      ]],
      ["pullama.json", ["windows-amd64.exe"]],
      ["Pullama.Pullama.installer.yaml", ["windows-amd64.exe"]],
      ["PKGBUILD", ["share.tar.gz", "linux-amd64", "linux-arm64"]],
    ];
    for (const [name, files] of expected) {
      assert.deepEqual(
        downloads(all.text(name)),
        files.map((file) => `pullama-${file}`)
          .map((file) => [`${URL_OF_FILES}/${file}`, all.sums.get(file)]),
        name,
      );
    }
    for (const name of FILES.filter((each) => !each.endsWith(".gz") && !each.includes(".locale"))) {
      assert.ok(all.text(name).includes(VERSION), name);
      assert.doesNotMatch(all.text(name), /@[A-Z0-9_]+@|undefined|\[object/, name);
    }
  },
);

testWith(
  ["Linux"],
  "the manifest for Scoop can be read, and finds the next version by itself",
  async () => {
    await using all = await written();
    const manifest = JSON.parse(all.text("pullama.json"));
    assert.equal(manifest.version, VERSION);
    assert.equal(manifest.homepage, "https://example.org/pullama");
    const next = manifest.autoupdate.architecture["64bit"].url.replaceAll("$version", VERSION);
    assert.equal(next, manifest.architecture["64bit"].url);
    assert.equal(manifest.bin, "pullama.exe");
  },
);

testWith(["Linux"], "the manifests for winget are of one package", async () => {
  await using all = await written();
  const texts = FILES.filter((name) => name.endsWith(".yaml")).map(all.text);
  for (const text of texts) {
    assert.match(text, /^PackageIdentifier: "Pullama\.Pullama"\nPackageVersion: "9\.8\.7"\n/);
    assert.match(text, /\nManifestType: "\w+"\nManifestVersion: "\d+\.\d+\.0"\n$/);
  }
  assert.match(all.text("Pullama.Pullama.installer.yaml"), /InstallerSha256: "[0-9A-F]{64}"/);
});

testWith(
  ["Linux"],
  "the archive of manual pages and completions has one of each, and always the same bytes",
  async () => {
    await using all = await written();
    await using again = await written();
    const name = "pullama-share.tar.gz";
    assert.equal(all.sums.get(name), again.sums.get(name));
    const { out } = await runToEnd(["tar", "-tvzf", `${all.path}/${name}`]);
    for (
      const file of [
        "man/man1/pullama.1",
        "man/man1/pullama-queue-add.1",
        "bash-completion/completions/pullama",
        "zsh/site-functions/_pullama",
        "fish/vendor_completions.d/pullama.fish",
        "licenses/pullama/LICENSE",
      ]
    ) {
      assert.match(out, new RegExp(`^-rw-r--r-- 0/0 .* share/${file}$`, "m"));
    }
  },
);

testWith(["Linux", "ruby"], "ruby accepts the formula", async () => {
  await using all = await written();
  const { code, out, err } = await runToEnd(["ruby", "-wc", `${all.path}/pullama.rb`]);
  assert.deepEqual([code, out, err], [0, "Syntax OK\n", ""]);
});
