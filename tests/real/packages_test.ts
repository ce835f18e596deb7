/** Packages of the compiled program, with the tools that install and check them. */

import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { writeDeb } from "../../packaging/deb.ts";
import { writeImage, writeRoot } from "../../packaging/image.ts";
import { writeManifests } from "../../packaging/package.ts";
import type { Release } from "../../packaging/release.ts";
import { exists } from "../fakes/exists.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { output, standInRelease, URL_OF_FILES, VERSION } from "../packaging/stand_in.ts";
import { runToEnd, temporaryFolder } from "./child.ts";

/** The user in the image. */
const USER = "65532:65532";

/** A release with the compiled program alone. */
function compiled(): Release {
  const program = {
    file: "pullama-linux-amd64",
    system: "linux",
    machine: "amd64",
    path: Deno.env.get("PULLAMA_BIN")!,
    sha256: "",
  } as const;
  return { version: config.version, date: new Date(), programs: [program] };
}

testWith(["makepkg", "root"], "makepkg builds the package of the AUR", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await writeManifests(await standInRelease(path), path, URL_OF_FILES);
  const name = `pullama-bin-${VERSION}`;
  // Instead of a download.
  await Deno.copyFile(`${path}/pullama-linux-amd64`, `${path}/${name}-x86_64`);
  await Deno.copyFile(`${path}/pullama-share.tar.gz`, `${path}/${name}-share.tar.gz`);
  await Deno.chmod(path, 0o777);
  const build = ["makepkg", "--nodeps", "--noconfirm", "--noprogressbar"];
  const { code, out, err } = await runToEnd(
    ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...build],
    {
      cwd: path,
      env: { HOME: path, PKGEXT: ".pkg.tar", CARCH: "x86_64", PACKAGER: "x <x@example.org>" },
    },
  );
  assert.equal(code, 0, out + err);
  const { out: listed } = await runToEnd(
    ["tar", "-tvf", `${path}/${name}-1-x86_64.pkg.tar`],
  );
  assert.match(listed, /^-rwxr-xr-x .* usr\/bin\/pullama$/m);
  assert.match(listed, / usr\/share\/licenses\/pullama-bin\/LICENSE$/m);
  assert.match(listed, / usr\/share\/man\/man1\/pullama-pull\.1(?:\.gz)?$/m);
});

testWith(
  ["dpkg-deb", "lintian", "man", "root", "a compiled program"],
  "the .deb of the compiled program is installed, works, and is removed again",
  async () => {
    await using folder = await temporaryFolder();
    const release = compiled();
    const [program] = release.programs;
    const path = await writeDeb(program!, release, folder.path);
    assert.equal(await output("lintian", "--allow-root", path), "");

    const root = `${folder.path}/root`;
    await Deno.mkdir(`${root}/var/lib/dpkg/updates`, { recursive: true });
    await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, "");
    const dpkg = (...args: string[]) => output("dpkg", `--root=${root}`, ...args);
    await dpkg("--force-depends", "-i", path);
    assert.match(await output(`${root}/usr/bin/pullama`, "version"), /^pullama \d/);
    const page = await output("man", "-M", `${root}/usr/share/man`, "pullama-queue-add");
    assert.match(page, /append models; those already queued are skipped/);
    const completion = `${root}/usr/share/bash-completion/completions/pullama`;
    const words = await output(
      "bash",
      "-c",
      'source "$1"; PATH=$2:$PATH COMP_LINE="pullama comple" COMP_POINT=14; _pullama; ' +
        'echo "${COMPREPLY[*]}"',
      "-",
      completion,
      `${root}/usr/bin`,
    );
    assert.equal(words, "completion\n");
    await dpkg("-P", "pullama");
    assert.ok(!exists(`${root}/usr`), "something is left");
  },
);

testWith(
  ["Debian's libraries", "skopeo", "root", "a compiled program"],
  "skopeo takes the image, and its files alone pull a model",
  async () => {
    await using folder = await temporaryFolder();
    const release = compiled();
    const program = release.programs[0]!;
    const path = await writeImage(release, [program], folder.path);
    const all = `oci-archive:${path}:${config.version}`;
    const inspected = JSON.parse(await output("skopeo", "inspect", "--config", all));
    assert.deepEqual(inspected.config.Env.at(-1), "OLLAMA_MODELS=/models");

    const root = `${folder.path}/root`;
    await writeRoot(program, root);
    await Deno.chmod(folder.path, 0o755);
    await Deno.chmod(root, 0o755);
    await using registry = await startRegistry();
    const model = registry.add("library/small:latest", makeModel({ size: 1 << 20 }));
    const inside = async (...args: string[]) => {
      // What a container engine adds: /proc, which ends with the namespace.
      const mount = 'mkdir -p "$0/proc" && mount --bind /proc "$0/proc" && exec chroot "$@"';
      const chroot = [`--userspec=${USER}`, root, "/usr/bin/pullama", ...args];
      const { code, out, err } = await runToEnd(
        ["unshare", "--mount", "sh", "-c", mount, root, ...chroot],
        { env: { HOME: "/home", OLLAMA_MODELS: "/models" } },
      );
      assert.equal(code, 0, out + err);
      return out;
    };
    assert.match(await inside("version"), /^pullama \d/);
    await inside(model.name, "--insecure", "--quiet");
    assert.match(await inside("list"), /small/);
  },
);
