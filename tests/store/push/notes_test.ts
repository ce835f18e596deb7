import assert from "node:assert/strict";
import { digestOf } from "../../../src/core/digest.ts";
import { openFolder } from "../../../src/store/store.ts";
import { KINDS, plant, portrait, victimsIn } from "../../hostile/planting.ts";
import { temporaryFolder } from "../../real/child.ts";
import { filesIn } from "../../real/store.ts";
import { needing } from "../../needs.ts";

const PLACE = "http://10.0.0.5:5000/library/tiny";
const BLOB = { digest: digestOf("ab".repeat(32)), size: 1000, mediaType: "x" };
const UPLOAD = { location: "http://10.0.0.5:5000/v2/library/tiny/x", offset: 500, least: 0 };

async function folder() {
  const root = await temporaryFolder();
  const models = `${root.path}/models`;
  Deno.mkdirSync(models);
  const { notes } = await openFolder(models).pushed();
  return { ...root, models, notes, [Symbol.asyncDispose]: root[Symbol.asyncDispose] };
}

Deno.test("a note is read again for the same blob and place only, and by one process at a time", async () => {
  await using at = await folder();
  {
    await using note = await at.notes.open(PLACE, BLOB);
    assert.equal(note?.upload, undefined);
    await note!.save(UPLOAD);
    assert.equal(await at.notes.open(PLACE, BLOB), undefined);
  }
  await using other = await at.notes.open(`${PLACE}2`, BLOB);
  assert.equal(other?.upload, undefined);
  await using note = await at.notes.open(PLACE, BLOB);
  assert.deepEqual(note?.upload, UPLOAD);
  await note!.drop();
  await note![Symbol.asyncDispose]();
  await other![Symbol.asyncDispose]();
  assert.deepEqual(filesIn(`${at.models}/.pullm/uploads`), []);
});

Deno.test("clean removes the notes that pushes have left", async () => {
  await using at = await folder();
  {
    await using note = await at.notes.open(PLACE, BLOB);
    await note!.save(UPLOAD);
  }
  const { signal } = new AbortController();
  const clean = { models: [], dryRun: false, queue: false, signal };
  const { removed } = await openFolder(at.models).clean(clean);
  assert.deepEqual(removed.map(({ kind, files }) => [kind, files]), [["records", 2]]);
  assert.deepEqual(filesIn(`${at.models}/.pullm/uploads`), []);
});

Deno.test("the URL of another server is not noted, nor believed", async () => {
  await using at = await folder();
  {
    await using note = await at.notes.open(PLACE, BLOB);
    await note!.save(UPLOAD);
    await note!.save({ ...UPLOAD, location: "https://store.example/signed?secret" });
  }
  await using note = await at.notes.open(PLACE, BLOB);
  assert.equal(note?.upload, undefined);
});

for (const kind of Object.keys(KINDS)) {
  Deno.test({
    ...needing(
      ["FIFOs"],
      `${kind} in the place of a note, or of their folder, costs the note and nothing else`,
    ),
    async fn() {
      for (const where of ["note", "lock", "folder"]) {
        await using at = await folder();
        {
          await using note = await at.notes.open(PLACE, BLOB);
          await note!.save(UPLOAD);
        }
        const uploads = `${at.models}/.pullm/uploads`;
        const path = where === "folder"
          ? uploads
          : `${uploads}/${
            filesIn(uploads).find((name) => name.endsWith(where === "note" ? ".json" : ".lock"))
          }`;
        const victims = await victimsIn(at.path);
        plant(kind as keyof typeof KINDS, path, victims);
        const before = portrait(victims.folder);
        await using note = await at.notes.open(PLACE, BLOB);
        await note?.save(UPLOAD);
        await note?.drop();
        assert.deepEqual(portrait(victims.folder), before, where);
      }
    },
  });
}
