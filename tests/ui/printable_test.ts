/** That no output mode lets a character through that controls a terminal or is not seen. */

import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import { MODES } from "../../src/ui/mode.ts";
import { batchSummaryText } from "../../src/ui/pull/batch_summary.ts";
import { createRenderer } from "../../src/ui/pull/modes.ts";
import { queueShow } from "../../src/ui/reports/queue_events.ts";
import { columnsText } from "../../src/ui/text/columns.ts";
import { inspectText, jsonText } from "../../src/ui/text/json.ts";
import { errorText, warningText } from "../../src/ui/text/message.ts";
import { fakeClock } from "./fake_clock.ts";
import { colorTerminal, fakeTerminal } from "./fake_terminal.ts";
import { assertPrintable, HOSTILE } from "./printable.ts";
import { EVERY_EVENT } from "./pull_events.ts";

const ALL = `a${Object.values(HOSTILE).join("b")}c`;
/** Every event, with hostile text wherever a server, a file or another process has its say. */
function hostileEvents(text: string): PullEvent[] {
  const error = new PullamaError("network", text, { hint: text, cause: new Error(text) });
  return Object.values(EVERY_EVENT).map((event): PullEvent => {
    switch (event.event) {
      case "bytes_lost":
        return { ...event, reason: text };
      case "retry":
      case "waiting":
        return { ...event, error };
      case "pull_failed":
        return { ...event, error, given: text };
      case "lock_wait":
        return { ...event, holder: text };
      case "request":
        return { ...event, url: `https://h/${text}` };
      case "note":
        return { ...event, message: text };
      case "warning":
        return { ...event, message: text, hint: text };
      case "dry_run": {
        const blobs = event.result.blobs.map((blob) => ({ ...blob, mediaType: text }));
        return { ...event, result: { ...event.result, blobs } };
      }
      default:
        return event;
    }
  });
}

for (const mode of MODES) {
  Deno.test(`--output ${mode} prints no character that controls a terminal or is not seen`, () => {
    for (const [what, text] of [...Object.entries(HOSTILE), ["all of it", ALL] as const]) {
      for (const out of [fakeTerminal(), colorTerminal(200), fakeTerminal({ color: true })]) {
        const clock = fakeClock();
        const options = { quiet: false, verbose: true, dryRun: false };
        const renderer = createRenderer(mode, out, options, clock);
        for (const event of hostileEvents(`x${text}y`)) {
          renderer.event(event);
          clock.advance(200);
        }
        renderer.close();
        const show = queueShow(out, clock, { mode, quiet: false });
        const entry = { event: "queue_entry", index: 1, count: 1, given: text } as const;
        show({ ...entry, name: undefined, status: "failed", reason: text });
        assertPrintable(out.text, `${mode}, text that ${what},`);
      }
    }
  });
}

Deno.test("messages, columns and documents print no character that is not seen", () => {
  for (const [what, text] of [...Object.entries(HOSTILE), ["all of it", ALL] as const]) {
    const error = new PullamaError("refused", text, { hint: text, cause: new Error(text) });
    for (const style of [fakeTerminal(), colorTerminal(60)]) {
      assertPrintable(errorText(error, style, { doing: "pull", verbose: true }), what);
      assertPrintable(warningText(text, text, style), what);
    }
    const failed = { given: text, name: undefined, ended: "failed", error } as const;
    assertPrintable(batchSummaryText([failed], "pulled"), what);
    assertPrintable(columnsText([text], [[text, text], [text]], 40), what);
    const document = { [text]: [text], error: text };
    assertPrintable(jsonText(document), what);
    for (const colors of [false, true]) assertPrintable(inspectText(document, colors), what);
    assert.deepEqual(JSON.parse(jsonText(document)), document, "JSON keeps the text");
  }
});
