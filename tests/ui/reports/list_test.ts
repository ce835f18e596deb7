import assert from "node:assert/strict";
import { type Digest, digestOf } from "../../../src/core/digest.ts";
import type { InstalledModel, Inventory } from "../../../src/core/reports/installed.ts";
import { parseName } from "../../../src/core/name.ts";
import { width } from "../../../src/ui/terminal/draw.ts";
import { listText, type ListView } from "../../../src/ui/reports/list.ts";
import { colorTerminal, fakeTerminal } from "../fake_terminal.ts";

const NOW = Date.UTC(2026, 5, 1, 12);
const VIEW: ListView = { mode: "table", quiet: false, verbose: false, nowMs: NOW };

function digest(letter: string): Digest {
  return digestOf(letter.repeat(64));
}

const MODELS: readonly InstalledModel[] = [
  {
    name: parseName("llama3.2"),
    digest: digest("a"),
    size: 2_019_393_189,
    modifiedMs: NOW - 3 * 3_600_000,
  },
  {
    name: parseName("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M"),
    digest: digest("b"),
    size: 807_694_464,
    modifiedMs: NOW - 86_400_000 * 3,
  },
  {
    name: parseName("gpt-oss:120b-cloud"),
    digest: digest("c"),
    size: 382,
    remote: { host: "https://ollama.com:443", model: "gpt-oss:120b" },
  },
];
const INVENTORY: Inventory = {
  models: MODELS,
  broken: [{ path: "/m/x", name: parseName("x"), reason: "cannot read /m/x\x1b[2J\x9b1m\u202e" }],
  hidden: [{ path: "/m/y", name: parseName("y") }],
};

Deno.test("listText() prints a table like that of `ollama list`, not truncated in a pipe", () => {
  assert.equal(
    listText(INVENTORY, fakeTerminal(), VIEW),
    "NAME                                                 ID              SIZE      MODIFIED\n" +
      "llama3.2:latest                                      aaaaaaaaaaaa    2.0 GB    3 hours ago\n" +
      "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M    bbbbbbbbbbbb    807 MB    3 days ago\n" +
      "gpt-oss:120b-cloud                                   cccccccccccc    -         Never\n",
  );
});

Deno.test("listText() fits the window, and truncates only names", () => {
  const text = listText(INVENTORY, colorTerminal(60), VIEW);
  for (const line of text.split("\n")) assert.ok(width(line) <= 60, line);
  assert.match(text, /^hf\.co\/bartowski\/Llama-3\.… +bbbbbbbbbbbb +807 MB +3 days ago$/m);
});

Deno.test("listText() prints the time in full with verbose", () => {
  const text = listText(INVENTORY, fakeTerminal(), { ...VIEW, verbose: true });
  assert.match(text, /2\.0 GB +2026-06-01T09:00:00Z$/m);
});

Deno.test("listText() prints a line for each model and no header with compact", () => {
  const text = listText(INVENTORY, fakeTerminal(), { ...VIEW, mode: "compact" });
  assert.equal(text.split("\n").length, MODELS.length + 1);
  assert.ok(text.startsWith("llama3.2:latest "), text);
});

Deno.test("listText() prints only names with quiet, with table and compact", () => {
  for (const mode of ["table", "compact"] as const) {
    assert.equal(
      listText(INVENTORY, fakeTerminal(), { ...VIEW, mode, quiet: true }),
      "llama3.2:latest\nhf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M\ngpt-oss:120b-cloud\n",
    );
  }
});

Deno.test("listText() prints only the header for no models, and nothing with compact or quiet", () => {
  const none = { models: [], broken: [], hidden: [] };
  assert.equal(
    listText(none, fakeTerminal(), VIEW),
    "NAME    ID    SIZE    MODIFIED\n",
  );
  assert.equal(listText(none, fakeTerminal(), { ...VIEW, mode: "compact" }), "");
  assert.equal(listText(none, fakeTerminal(), { ...VIEW, quiet: true }), "");
});

Deno.test("listText() prints one document on one line as JSON, quiet or not", () => {
  const text = listText(INVENTORY, fakeTerminal(), { ...VIEW, mode: "json", quiet: true });
  assert.equal(text.indexOf("\n"), text.length - 1);
  assert.doesNotMatch(text.trimEnd(), /[\p{Cc}\p{Cf}]/u);
  assert.deepEqual(JSON.parse(text), {
    models: [
      {
        name: "llama3.2:latest",
        full_name: "registry.ollama.ai/library/llama3.2:latest",
        id: "aaaaaaaaaaaa",
        digest: digest("a"),
        size: 2_019_393_189,
        modified_at: "2026-06-01T09:00:00Z",
      },
      {
        name: "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
        full_name: "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
        id: "bbbbbbbbbbbb",
        digest: digest("b"),
        size: 807_694_464,
        modified_at: "2026-05-29T12:00:00Z",
      },
      {
        name: "gpt-oss:120b-cloud",
        full_name: "registry.ollama.ai/library/gpt-oss:120b-cloud",
        id: "cccccccccccc",
        digest: digest("c"),
        size: 382,
        remote_host: "https://ollama.com:443",
        remote_model: "gpt-oss:120b",
      },
    ],
    broken: [{ path: "/m/x", name: "x:latest", reason: INVENTORY.broken[0]!.reason }],
    hidden: [{ path: "/m/y", name: "y:latest" }],
  });
});

Deno.test("listText() prints the same document with Deno.inspect in debug", () => {
  const text = listText(INVENTORY, fakeTerminal(), { ...VIEW, mode: "debug" });
  assert.match(text, /full_name: "registry\.ollama\.ai\/library\/llama3\.2:latest"/);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
});
