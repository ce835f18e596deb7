/** Queues in temporary folders, and a queue written by the Go program. */

import { type Disk, realDisk } from "../../src/io/disk.ts";
import type { QueuePlace, WaitOptions } from "../../src/queue/file.ts";
import { type Entry, formatQueue, parseQueue, type Queue } from "../../src/queue/format.ts";
import { makeFolder } from "../../src/store/layout/ownership.ts";

export interface Scratch extends AsyncDisposable {
  readonly root: string;
  readonly place: QueuePlace;
  /** The content of the file; undefined if it does not exist. */
  text(): string | undefined;
  write(text: string | Uint8Array): void;
}

/** A temporary folder without a queue. */
export async function scratch(disk: Disk = realDisk): Promise<Scratch> {
  const root = await Deno.makeTempDir({ prefix: "pullama-queue-" });
  const place = placeIn(`${root}/own`, disk);
  return {
    root,
    place,
    text() {
      try {
        return Deno.readTextFileSync(place.file);
      } catch {
        return undefined;
      }
    },
    write(text) {
      Deno.mkdirSync(`${root}/own`, { recursive: true });
      if (typeof text === "string") Deno.writeTextFileSync(place.file, text);
      else Deno.writeFileSync(place.file, text);
    },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

export function placeIn(folder: string, disk: Disk): QueuePlace {
  return {
    file: `${folder}/queue.json`,
    temporary: `${folder}/queue.json.tmp`,
    lock: `${folder}/queue.lock`,
    runnerLock: `${folder}/runner.lock`,
    disk,
    async prepare() {
      await makeFolder(disk, folder, {});
      return {};
    },
  };
}

/** Waits for the lock without a limit. */
export const UNLIMITED: WaitOptions = {
  signal: new AbortController().signal,
  onWait: () => {},
};

/** A queue with these models of the default registry, given as `model` or `model status`. */
export function queueOf(...models: readonly string[]): Queue {
  const entries = models.map((each): Entry => {
    const [model = "", status = "queued"] = each.split(" ");
    const times = { added_at: "2026-01-02T03:04:05Z", finished_at: "0001-01-01T00:00:00Z" };
    return { model, tag: "latest", status, ...times };
  });
  return { entries, others: {} };
}

/** The entries in the form that `queueOf` takes. */
export function entriesOf(queue: Queue): string[] {
  return queue.entries.map(({ model, status }) => `${model} ${status}`);
}

export function entriesIn(text: string | undefined): string[] {
  return entriesOf(parseQueue(new TextEncoder().encode(text), "queue.json"));
}

export function textOf(...models: readonly string[]): string {
  return formatQueue(queueOf(...models));
}

/** Byte for byte as Go's `json.MarshalIndent` writes it. */
export const FROM_GO = `{
  "entries": [
    {
      "model": "llama3.2",
      "tag": "latest",
      "status": "completed",
      "added_at": "2026-03-01T09:58:12.123456789+01:00",
      "finished_at": "2026-03-01T10:04:10.25+01:00"
    },
    {
      "model": "mistral",
      "tag": "7b",
      "status": "failed",
      "added_at": "2026-03-01T09:58:12.5+01:00",
      "finished_at": "2026-03-01T10:05:00+01:00",
      "error": "status 500: \\u003chtml\\u003e a \\u0026 b \\u2028 \\"c\\""
    },
    {
      "model": "phi3",
      "tag": "mini",
      "status": "queued",
      "added_at": "2026-03-01T08:58:13Z",
      "finished_at": "0001-01-01T00:00:00Z"
    }
  ]
}`;
