import assert from "node:assert/strict";
import { total, union } from "../../src/core/ranges.ts";
import { RecordingDisk } from "../fakes/recording_disk.ts";
import { blobFile } from "../../src/store/layout/paths.ts";
import { testWith } from "../needs.ts";
import {
  blobOf,
  fetchBlob,
  manifestOf,
  NAME,
  namesIn,
  type TestBlob,
  World,
} from "../store/world.ts";

const BLOB = blobOf(1_600_000);
const THERE = 1_200_000;
const BLOCK = 4096;
const FETCH = { piece: 512 * 1024 };
const HOUR_MS = 3_600_000;

/** Puts the beginning of the blob where something else has left it, an hour ago. */
const LEFT: Readonly<Record<string, (world: World, blob: TestBlob) => void>> = {
  "a blob that was cut off": (world, { blob, bytes }) =>
    write(world.at(blob).final, bytes.subarray(0, THERE)),
  "the data of ollama pull": (world, { blob, bytes }) => {
    const data = new Uint8Array(bytes.length);
    data.set(bytes.subarray(0, THERE));
    write(`${world.at(blob).final}-partial`, data);
    write(`${world.at(blob).final}-partial-0`, new TextEncoder().encode("{}"));
  },
  "the file of a model with tensors": (world, { blob, bytes }) =>
    write(`${world.at(blob).final}.tmp`, bytes.subarray(0, THERE)),
};

function write(path: string, bytes: Uint8Array): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(path, bytes);
  const then = new Date(Date.now() - HOUR_MS);
  Deno.utimeSync(path, then, then);
}

for (const [what, leave] of Object.entries(LEFT)) {
  const title = `case 84: a power cut at any step of taking over ${what} costs nothing`;
  testWith(["a long time"], title, async () => {
    for (const names of [false, true]) {
      for (let stopAfter = 1;; stopAfter++) {
        await using world = await World.make();
        leave(world, BLOB);
        const disk = new RecordingDisk({ stopAfter, grave: world.grave });
        try {
          await using session = await world.enter(disk);
          await fetchBlob(session, BLOB, FETCH);
        } catch (error) {
          if (!disk.stopped) throw error;
        }
        disk.cutPower(names);
        await using session = await world.enter();
        const fetched = await fetchBlob(session, BLOB, FETCH);
        const step = disk.steps.at(-1);
        assert.ok(
          total(union(fetched)) <= BLOB.bytes.length - THERE + 2 * BLOCK,
          `${total(fetched)} bytes after step ${stopAfter}, ${step?.does} ${step?.path}`,
        );
        assert.deepEqual(await session.commit(NAME, manifestOf([BLOB])), []);
        assert.deepEqual(await Deno.readFile(world.at(BLOB.blob).final), BLOB.bytes);
        // Nothing of what was taken over is left.
        assert.deepEqual(namesIn(world.paths.bad), []);
        const left = namesIn(world.paths.blobs).filter((name) => !name.startsWith(".pullm"));
        assert.deepEqual(left, [blobFile(BLOB.blob.digest)]);
        // The steps after that are those of any download.
        const begun = disk.steps.some(({ does, path }) =>
          does === "write" && path.endsWith(".partial")
        );
        if (!begun) continue;
        assert.ok(stopAfter > 15, `${stopAfter} steps were seen`);
        break;
      }
    }
  });
}
