/**
 * Prints the section of CHANGELOG.md for the version of a tag, as release notes:
 *
 *     deno run --allow-read tools/release_notes.ts v0.1.0 https://example.com/releases/download/v0.1.0
 */

/** The section for `version`, without its heading. Throws if empty or `tag` does not match. */
export function releaseNotes(changelog: string, tag: string, version: string): string {
  if (tag !== `v${version}`) {
    throw new Error(`the tag ${tag} does not match the version ${version}`);
  }
  const parts = changelog.split(/^## /m).slice(1);
  const part = parts.find((each) => each.split(/\s/, 1)[0] === version);
  const notes = part?.slice(part.indexOf("\n")).trim();
  if (!notes) throw new Error(`CHANGELOG.md has no entry for ${version}`);
  return `${notes}\n`;
}

/** How to install the files of a release, which are at `url`. */
export function installNotes(url: string): string {
  return [
    "### Install",
    "",
    "Linux and macOS, to `~/.local/bin`:",
    "",
    "```sh",
    `curl --proto '=https' --proto-redir '=https' -fsSL ${url}/install.sh | sh`,
    "```",
    "",
    "Windows, in PowerShell:",
    "",
    "```powershell",
    `irm ${url}/install.ps1 | iex`,
    "```",
    "",
    "Node: `npx pullama`, or `npm install -g pullama`. Scoop: `scoop install " + url +
    "/pullama.json`. Debian and Ubuntu:",
    "`sudo apt install ./pullama_VERSION_amd64.deb`, with the file below. Arch: `makepkg -si` beside `PKGBUILD`. Homebrew:",
    "`pullama.rb` in a tap. winget: `winget install --manifest FOLDER` with the three `Pullama.*.yaml`.",
    "",
    "Both scripts have the checksums of this release. By hand: download the file for your system below, and compare it with `SHA256SUMS`;",
    "`gh attestation verify FILE --repo OWNER/REPOSITORY` proves which commit and workflow it was built by.",
    "",
  ].join("\n");
}

if (import.meta.main) {
  const read = (name: string) => Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
  const { version } = JSON.parse(read("deno.json"));
  try {
    const [tag = "", url = ""] = Deno.args;
    console.log(releaseNotes(read("CHANGELOG.md"), tag, version));
    console.log(installNotes(url).trimEnd());
  } catch (error) {
    console.error(`cannot release: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
