/** Everything that a pull shows and writes: events, all renderers, and the notes beside its data. */

import { PullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import { MODES } from "../../src/ui/mode.ts";
import { createRenderer } from "../../src/ui/pull/modes.ts";
import { errorText, warningText } from "../../src/ui/text/message.ts";
import { fakeClock } from "../ui/fake_clock.ts";
import { colorTerminal, fakeTerminal } from "../ui/fake_terminal.ts";
import type { World } from "../transfer/world.ts";

/** What was written down beside the data. */
export function notesIn({ models, tree }: World): string[] {
  return tree().filter((path) => /(\.json|\.live|\.lock|wanted\/.*[^/])$/.test(path))
    .map((path) => Deno.readTextFileSync(`${models}/${path}`));
}

/** An event as JSON, and its error with everything that hangs on it. */
export function textsOf(event: PullEvent): string[] {
  const texts = [JSON.stringify(event)];
  if (!("error" in event)) return texts;
  for (let link: unknown = event.error; link instanceof Error; link = link.cause) {
    texts.push(link.message, link.stack ?? "", JSON.stringify(link));
    if (link instanceof PullamaError) texts.push(link.hint ?? "");
  }
  return [...texts, Deno.inspect(event, { depth: 20, strAbbreviateSize: 1e6 })];
}

/** What every renderer makes of the events, with every word that it has, and what is said beside it. */
export function screens(events: readonly PullEvent[]): string[] {
  return MODES.flatMap((mode) =>
    [fakeTerminal(), colorTerminal(200)].flatMap((terminal) => {
      const clock = fakeClock();
      const options = { quiet: false, verbose: true, dryRun: false };
      const renderer = createRenderer(mode, terminal, options, clock);
      for (const event of events) {
        renderer.event(event);
        clock.advance(100);
      }
      renderer.close();
      const beside = events.flatMap((event) => {
        if (event.event === "warning") return warningText(event.message, event.hint, terminal);
        if (event.event === "pull_failed") return errorText(event.error, terminal, options);
        return [];
      });
      return [terminal.text, ...beside];
    })
  );
}
