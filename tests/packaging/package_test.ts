/** `deno task package` in a checkout. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "../real/child.ts";
import { standInRelease, URL_OF_FILES } from "./stand_in.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PARTS = ["build.ts", "tools", "packaging", "src", "deno.json", "deno.lock", "LICENSE"];

interface Checkout extends AsyncDisposable {
  readonly path: string;
  run(...args: string[]): Promise<Ended>;
}

async function checkout(): Promise<Checkout> {
  const folder = await temporaryFolder();
  const copied = await runToEnd(["cp", "-r", ...PARTS.map((part) => ROOT + part), folder.path]);
  assert.equal(copied.code, 0, copied.err);
  await Deno.mkdir(`${folder.path}/dist`);
  const deno = [Deno.execPath(), "run", "--quiet", "--frozen", "-A", "--no-check"];
  return {
    path: folder.path,
    run: (...args) =>
      runToEnd([...deno, "packaging/package.ts", ...args], {
        cwd: folder.path,
        env: { ...Deno.env.toObject(), SOURCE_DATE_EPOCH: "1796083200" },
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

testWith(["Linux", "npm"], "packaging a release adds all its files to SHA256SUMS", async () => {
  await using place = await checkout();
  const dist = `${place.path}/dist`;
  await standInRelease(dist);
  await Deno.writeTextFile(`${dist}/SHA256SUMS`, `${"0".repeat(64)}  install.sh\n`);
  const { code, out, err } = await place.run("npm", "--base-url", `${URL_OF_FILES}/`);
  assert.equal(code, 0, err);
  const listed = (await Deno.readTextFile(`${dist}/SHA256SUMS`)).trimEnd().split("\n")
    .map((line) => line.slice(66));
  const npm = ["", "darwin-arm64-", "darwin-x64-", "linux-arm64-", "linux-x64-", "win32-x64-"]
    .map((name) => `pullama-${name}${config.version}.tgz`);
  const texts = ["", ".installer", ".locale.en-US"].map((part) => `Pullama.Pullama${part}.yaml`);
  const others = ["install.sh", "PKGBUILD", "pullama-share.tar.gz", "pullama.json", "pullama.rb"];
  assert.deepEqual(listed.toSorted(), [...npm, ...texts, ...others].sort());
  assert.deepEqual(
    out.trimEnd().split("\n").map((path) => path.slice(dist.length + 1)).sort(),
    listed.filter((name) => name !== "install.sh").sort(),
  );
  assert.match(await Deno.readTextFile(`${dist}/pullama.rb`), /url "https:\/\/example\.org\//);
  const checked = await runToEnd(["sha256sum", "--check", "--ignore-missing", "SHA256SUMS"], {
    cwd: dist,
  });
  assert.equal(checked.code, 0, checked.err);
});

testWith(["Linux"], "packaging says what is missing, in one line", async () => {
  await using place = await checkout();
  for (
    const [args, says] of [
      [["npm"], /^cannot package: not all programs are in dist: run deno task build first\n$/],
      [["rpm"], /^cannot package: unknown kind rpm: use deb, npm, image\n$/],
      [["--base-url", "https://x"], /: run deno task build --all first\n$/],
      [["--base-url", "http://x"], /^cannot package: invalid https URL: http:\/\/x\n$/],
    ] as const
  ) {
    const { code, out, err } = await place.run(...args);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, says);
  }
});
