import assert from "node:assert/strict";
import { type Disk, realDisk } from "../../../src/io/disk.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import { PartWriter } from "../../../src/io/streams/part_writer.ts";
import { scratch } from "../other_process.ts";

const BYTES = Uint8Array.from({ length: 10 }, (_, i) => i);

/** A file system without hard links. */
const withoutLinks: Disk = {
  ...realDisk,
  link: () => Promise.reject(new Deno.errors.NotSupported("no links")),
};

interface Wanted {
  readonly path: string;
  readonly partSize: number;
  readonly disk?: Disk;
  readonly replace?: boolean;
  /** Called before the end. */
  readonly meanwhile?: () => void;
}

/** Writes what is missing of the bytes. Returns how many were kept. */
async function written({ meanwhile, ...options }: Wanted): Promise<number> {
  await using writer = await PartWriter.open({ disk: realDisk, replace: false, ...options });
  const { kept } = writer;
  await writer.write(BYTES.subarray(kept));
  meanwhile?.();
  await writer.finish();
  return kept;
}

/** The files in a folder with their content, by name. */
function filesIn(folder: string): Record<string, readonly number[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return Object.fromEntries(
    names.map((name) => [name, [...Deno.readFileSync(`${folder}/${name}`)]]),
  );
}

const PARTS = { "x.tar.000": [0, 1, 2, 3], "x.tar.001": [4, 5, 6, 7], "x.tar.002": [8, 9] };
const KINDS = [
  { kind: "one file", partSize: Infinity, made: "x.tar", whole: { "x.tar": [...BYTES] } },
  { kind: "parts", partSize: 4, made: "x.tar.001", whole: PARTS },
];

for (const { kind, partSize, made, whole } of KINDS) {
  const drafts = Object.fromEntries(
    Object.entries(whole).map(([name, bytes]) => [`${name}.partial`, bytes]),
  );
  for (const disk of [realDisk, withoutLinks]) {
    const where = disk === realDisk ? "" : ", without links";
    Deno.test(`an archive does not replace a file that was made meanwhile: ${kind}${where}`, async () => {
      await using dir = await scratch();
      const path = `${dir.path}/x.tar`;
      const foreign = `${dir.path}/${made}`;
      const options = { path, partSize, disk };
      await assert.rejects(
        written({ ...options, meanwhile: () => Deno.writeFileSync(foreign, new Uint8Array([77])) }),
        (error) =>
          error instanceof PullamaError && error.kind === "usage" &&
          error.message === `${foreign} exists: it was made meanwhile` &&
          /move it away .*--force.* kept as .*x\.tar.*\.partial$/.test(error.hint ?? ""),
      );
      assert.deepEqual(filesIn(dir.path), { ...drafts, [made]: [77] });
      await assert.rejects(written(options), /exists/);
      await Deno.remove(foreign);
      assert.equal(await written(options), BYTES.length);
      assert.deepEqual(filesIn(dir.path), whole);
    });
  }

  Deno.test(`an archive that was made meanwhile is replaced if that is wanted: ${kind}`, async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.tar`;
    const meanwhile = () => Deno.writeFileSync(`${dir.path}/${made}`, new Uint8Array([77]));
    await written({ path, partSize, replace: true, meanwhile });
    assert.deepEqual(filesIn(dir.path), whole);
  });

  for (const replace of [true, false]) {
    const how = replace ? ", to be replaced" : "";
    Deno.test(`a kill while an archive gets its names costs nothing: ${kind}${how}`, async () => {
      for (let steps = 0; steps < 2 * Object.keys(whole).length; steps++) {
        await using dir = await scratch();
        const path = `${dir.path}/x.tar`;
        const ending = <T extends unknown[]>(act: (...args: T) => Promise<void>) => (...args: T) =>
          left-- > 0 ? act(...args) : Promise.reject(new Error("killed"));
        let left = steps;
        const disk: Disk = {
          ...realDisk,
          link: ending(realDisk.link),
          remove: ending(realDisk.remove),
        };
        await assert.rejects(written({ path, partSize, disk }), /killed/);
        assert.equal(await written({ path, partSize, replace }), BYTES.length, `${steps} steps`);
        assert.deepEqual(filesIn(dir.path), whole, `${steps} steps`);
      }
    });
  }
}

Deno.test("an archive that ends where a part ended is whole, and is not replaced by the next one", async () => {
  await using dir = await scratch();
  const options = { disk: realDisk, path: `${dir.path}/x.tar`, partSize: 4, replace: false };
  {
    await using longer = await PartWriter.open(options);
    await longer.write(BYTES);
  }
  {
    await using writer = await PartWriter.open(options);
    await writer.cut(8);
    await writer.finish();
  }
  const made = filesIn(dir.path);
  assert.deepEqual(made, { "x.tar.000": [0, 1, 2, 3], "x.tar.001": [4, 5, 6, 7] });
  await assert.rejects(PartWriter.open(options), { message: `${dir.path}/x.tar.000 exists` });
  assert.deepEqual(filesIn(dir.path), made);
});
