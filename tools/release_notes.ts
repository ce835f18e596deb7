/**
 * Prints what CHANGELOG.md says of the version of a tag, for the page of the release:
 *
 *     deno run --allow-read tools/release_notes.ts v0.1.0
 */

/** The part below the heading of `tag`. Throws if the tag is not `version`, or has nothing to tell. */
export function releaseNotes(changelog: string, tag: string, version: string): string {
  if (tag !== `v${version}`) throw new Error(`the tag ${tag} is not the version ${version}`);
  const parts = changelog.split(/^## /m).slice(1);
  const part = parts.find((each) => each.split(/\s/, 1)[0] === version);
  const notes = part?.slice(part.indexOf("\n")).trim();
  if (!notes) throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${notes}\n`;
}

if (import.meta.main) {
  const read = (name: string) => Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
  const { version } = JSON.parse(read("deno.json"));
  try {
    console.log(releaseNotes(read("CHANGELOG.md"), Deno.args[0] ?? "", version).trimEnd());
  } catch (error) {
    console.error(`cannot release: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
