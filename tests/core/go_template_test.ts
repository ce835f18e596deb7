import assert from "node:assert/strict";
import fc from "fast-check";
import { templateTraits } from "../../src/core/go_template.ts";

function fields(template: string): string[] | undefined {
  const traits = templateTraits(template);
  return traits && [...traits.fields].sort();
}

function thinks(template: string): boolean | undefined {
  return templateTraits(template)?.thinking;
}

const LOOP = (body: string) => `{{ range .Messages }}${body}{{ end }}`;

Deno.test("templateTraits() lists the fields of all actions in lower case", () => {
  assert.deepEqual(fields("{{ .Prompt }}"), ["prompt"]);
  assert.deepEqual(fields("{{- if and $.Tools (not .System) -}} x {{- end }}"), [
    "system",
    "tools",
  ]);
  assert.deepEqual(fields("{{ range $i, $m := .Messages }}{{ $m.Content }}{{ end }}"), [
    "content",
    "messages",
  ]);
  assert.deepEqual(fields('{{ define "x" }}{{ .Suffix }}{{ end }}'), ["suffix"]);
});

Deno.test("templateTraits() ignores fields in text, literals and comments", () => {
  assert.deepEqual(fields('.Tools {{ "}} .Tools" }} {{ `.Tools` }} {{/* .Tools }} */}}'), []);
  assert.deepEqual(fields(`{{ eq .Role "it's \\".Tools" }}`), ["role"]);
  assert.deepEqual(fields("{{- /* .Tools */ -}} {{ '\\'' }}"), []);
});

Deno.test("templateTraits() detects tags around .Thinking in the loop over the messages", () => {
  const tags = "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}";
  assert.equal(thinks(LOOP(tags)), true);
  assert.equal(thinks(LOOP(`{{ .Role }}: ${tags} {{ .Content }}`)), true);
  assert.equal(thinks(LOOP(`{{ if .A }}a{{ else if .B }}${tags}{{ else }}c{{ end }}`)), true);
  assert.equal(thinks(LOOP("{{ with .X }}<t>\n{{- .Thinking -}}\n</t>{{ end }}")), true);
});

Deno.test("templateTraits() does not detect thinking tags elsewhere", () => {
  const tags = "<think>{{ .Thinking }}</think>";
  assert.equal(thinks(tags), false);
  assert.equal(thinks(`{{ range .Other }}${tags}{{ end }}`), false);
  assert.equal(thinks(LOOP(`{{ range .Calls }}${tags}{{ end }}`)), false);
  assert.equal(thinks(LOOP("{{ if .X }}{{ .Thinking }}{{ end }}")), false);
  assert.equal(thinks(LOOP("{{ if .X }}  {{ .Thinking }}\n{{ end }}")), false);
  assert.equal(thinks(LOOP("<t>{{ .Message.Thinking }}</t>")), false);
  assert.equal(thinks(LOOP("<t>{{ $.Thinking }}</t>")), false);
  assert.equal(thinks(`{{ define "x" }}${LOOP(tags)}{{ end }}`), false);
  assert.equal(thinks(LOOP("plain {{ .Content }} text")), false);
});

Deno.test("templateTraits() returns undefined for a malformed template", () => {
  for (
    const text of [
      "{{ .A",
      "{{ if .A }}",
      "{{ end }}",
      "{{ else }}",
      '{{ "open }}',
      "{{/* open }}",
      "{{ if .A }}".repeat(5_000),
    ]
  ) {
    assert.equal(templateTraits(text), undefined, text.slice(0, 20));
  }
  assert.deepEqual(fields("no actions at all }} {"), []);
});

Deno.test("templateTraits() accepts any text, and long text in linear time", () => {
  const piece = fc.constantFrom(
    ...["{{", "}}", "-", " ", "if ", "range ", ".Messages", ".Thinking", "end", "else", '"', "`"],
    ...["/*", "*/", "\\", "<t>", "define ", "'", "\n", "with ", "(", ")", "$x"],
  );
  const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
  fc.assert(fc.property(text, (template) => void templateTraits(template)), { numRuns: 2_000 });
  for (const hostile of ["{{/**/", "{{ /* */ ", '{{ "" ', "{{- ", "{{`", "{{ if .A }}{{ end }}"]) {
    templateTraits(hostile.repeat(100_000));
    templateTraits("{{" + hostile.slice(2).repeat(100_000));
  }
});
