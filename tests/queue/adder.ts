/**
 * A process that adds models to the queue of a models folder: `adder.ts <folder> <model>...`,
 * then one per line of its stdin. It prints each added model.
 */

import { parseName } from "../../src/core/name.ts";
import { openQueue } from "../../src/setup/queue.ts";

const [folder = "", ...models] = Deno.args;
const queue = openQueue(folder);
const wait = { signal: new AbortController().signal, onWait: () => {} };

async function add(model: string): Promise<void> {
  await queue.add([parseName(model)], new Date(), wait);
  console.log(`added ${model}`);
}

for (const model of models) await add(model);
let text = "";
for await (const piece of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (text + piece).split("\n");
  text = lines.pop() ?? "";
  for (const line of lines) await add(line);
}
