/** A queue in a folder of its own, and what a Go program left in one. */

import { type Disk, realDisk } from "../../src/io/disk.ts";
import type { QueuePlace, WaitOptions } from "../../src/queue/file.ts";
import { type Entry, formatQueue, parseQueue, type Queue } from "../../src/queue/format.ts";
import { makeFolder } from "../../src/store/layout/ownership.ts";

export interface Scratch extends AsyncDisposable {
  readonly root: string;
  readonly place: QueuePlace;
  /** What stands in the file; undefined: there is none. */
  text(): string | undefined;
  write(text: string | Uint8Array): void;
}

/** An empty place. */
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

/** Nobody has to wait here. */
export const PATIENT: WaitOptions = {
  signal: new AbortController().signal,
  onWait: () => {},
};

/** A queue with these models of the default registry, as `model` or `model status`. */
export function queueOf(...words: readonly string[]): Queue {
  const entries = words.map((word): Entry => {
    const [model = "", status = "queued"] = word.split(" ");
    const times = { added_at: "2026-01-02T03:04:05Z", finished_at: "0001-01-01T00:00:00Z" };
    return { model, tag: "latest", status, ...times };
  });
  return { entries, others: {} };
}

/** The entries as `queueOf` takes them. */
export function wordsOf(queue: Queue): string[] {
  return queue.entries.map(({ model, status }) => `${model} ${status}`);
}

export function wordsIn(text: string | undefined): string[] {
  return wordsOf(parseQueue(new TextEncoder().encode(text), "queue.json"));
}

export function textOf(...words: readonly string[]): string {
  return formatQueue(queueOf(...words));
}

/** As `json.MarshalIndent` of Go writes it, byte for byte. */
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
