/** A queue, and commands that run on it in this process, with an engine that pulls nothing. */

import { entriesIn } from "../../queue/place.ts";
import { type FakeHost, type Pull, type Ran, ran } from "../fake_host.ts";

export interface QueueScene extends AsyncDisposable {
  /** A models folder that does not exist yet. */
  readonly models: string;
  readonly file: string;
  /** The content of the queue file, and its entries as short texts. */
  text(): string;
  words(): string[];
  write(text: string): void;
  /** Runs `pullama queue <line>` on the models folder. */
  queue(line: string, host?: FakeHost, pull?: Pull): Promise<Ran>;
}

export async function queueScene(): Promise<QueueScene> {
  const folder = await Deno.makeTempDir({ prefix: "pullama-queue-" });
  const models = `${folder}/some/models`;
  const file = `${models}/.pullm/queue.json`;
  return {
    models,
    file,
    text: () => Deno.readTextFileSync(file),
    words: () => entriesIn(Deno.readTextFileSync(file)),
    write(text) {
      Deno.mkdirSync(`${models}/.pullm`, { recursive: true });
      Deno.writeTextFileSync(file, text);
    },
    queue: (line, host, pull) =>
      ran(["queue", ...line.split(" "), "--models-dir", models], host, pull),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
