/** The details of one model. */

import { hexOf, shortId } from "../../core/digest.ts";
import type { LayerDetails, ModelDetails } from "../../core/reports/installed.ts";
import { displayName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { glyphs } from "../terminal/draw.ts";
import { type ListView, modelFields, modifiedText, sizeText } from "./list.ts";
import { oneLine } from "../text/redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../text/numbers.ts";

type Rows = readonly (readonly string[])[];

const TENSOR = "application/vnd.ollama.image.tensor";
const TEMPLATE_SOURCES = {
  model: "set by the model",
  weights: "from the weights",
  ollama: "built into Ollama",
} as const;
/** Lines shown of a licence or a system prompt without `--verbose`. */
const FIRST_LINES = 2;
const INDENT = 4;

/** The model for `out`, by mode: sections under headings, or with `compact` one fact per line. */
export function showText(model: ModelDetails, out: Terminal, view: ListView): string {
  const { mode, quiet, verbose } = view;
  if (mode === "json") return jsonText(detailsDocument(model));
  if (mode === "debug") return inspectText(detailsDocument(model), out.color);
  if (quiet) return `${displayName(model.name)}\n`;
  const cells = out.interactive ? out.columns() : Infinity;
  const ascii = !out.unicode;
  const facts = factsOf(model, view);
  if (mode === "compact") {
    const more = [
      ["capabilities", model.capabilities.join(", ")],
      ["projector", projectorRows(model.projector ?? {}).map((row) => row.join(" ")).join(", ")],
      ["license", licenceLine(model)],
    ] as const;
    const rows = [...facts, ...more.filter(([, text]) => text !== "")];
    return columnsText([], [...rows, ...layerFacts(model, view)], cells, { ascii });
  }
  const lines = verbose ? Infinity : FIRST_LINES;
  const { ellipsis } = glyphs(out.unicode);
  const sections: readonly (readonly [heading: string, rows: Rows])[] = [
    ["Model", facts],
    ["Capabilities", model.capabilities.map((capability) => [capability])],
    ["Projector", projectorRows(model.projector ?? {})],
    ["Parameters", parameterRows(model.parameters ?? {})],
    ["Metadata", verbose ? Object.entries(model.metadata).map(([k, v]) => [k, String(v)]) : []],
    ["System", firstLines(model.system ?? "", lines, ellipsis)],
    ["License", model.licenses.flatMap((text) => firstLines(text, lines, ellipsis))],
    ["Layers", layerRows(model, view)],
  ];
  return sections.filter(([, rows]) => rows.length > 0).map(([heading, rows]) => {
    const body = columnsText([], rows, Math.max(1, cells - INDENT), { ascii });
    return `  ${heading}\n${body.replace(/^(?=.)/gm, " ".repeat(INDENT))}`;
  }).join("\n");
}

/** `8.0B` for a number of parameters, as Ollama prints it: with two decimal places for millions. */
export function parametersText(count: number): string {
  const scaled = (unit: number, digits: number) =>
    count % unit === 0 ? String(count / unit) : (count / unit).toFixed(digits);
  if (count >= 1e9) return `${scaled(1e9, 1)}B`;
  if (count >= 1e6) return `${scaled(1e6, 2)}M`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(0)}K` : String(count);
}

/** The known facts with their names, in the order of `ollama show`. */
function factsOf(model: ModelDetails, view: ListView): Rows {
  const { remote, architecture, family, contextLength, embeddingLength } = model;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["name", displayName(model.name)],
    ["id", view.verbose ? hexOf(model.digest) : shortId(model.digest)],
    ["size", sizeText(model)],
    ["modified", modifiedText(model, view)],
    ["runs", remote && "on another machine; only its description is stored here"],
    ["remote model", remote?.model],
    ["remote host", remote?.host],
    ["format", formatText(model)],
    ["family", family],
    ["architecture", architecture === family ? undefined : architecture],
    ["parameters", sizeOfModel(model)],
    ["context length", contextLength === undefined ? undefined : String(contextLength)],
    ["embedding length", embeddingLength === undefined ? undefined : String(embeddingLength)],
    ["quantization", model.quantization],
    ["requires", model.requires && `Ollama ${model.requires}`],
    ["template", model.templateSource && TEMPLATE_SOURCES[model.templateSource]],
    ["messages", model.messages === undefined ? undefined : String(model.messages)],
  ];
  return facts.flatMap(([name, text]) => text ? [[name, text]] : []);
}

function sizeOfModel({ parameterSize, parameterCount }: ModelDetails): string | undefined {
  return parameterSize ??
    (parameterCount === undefined ? undefined : parametersText(parameterCount));
}

function formatText({ format, layers }: ModelDetails): string | undefined {
  const tensors = layers.filter(({ mediaType }) => mediaType === TENSOR).length;
  return tensors === 0 ? format : `${format ?? "tensors"} (${counted(tensors, "tensor")})`;
}

/** What is known of a projector, with the names and in the order of `ollama show`. */
function projectorRows(values: ModelDetails["metadata"]): Rows {
  const architecture = values["general.architecture"];
  const parameters = values["general.parameter_count"];
  const either = (key: string) =>
    values[`${architecture}.vision.${key}`] ?? values[`${architecture}.audio.${key}`];
  const rows = [
    ["architecture", architecture],
    ["parameters", typeof parameters === "number" ? parametersText(parameters) : undefined],
    ["embedding length", either("embedding_length")],
    ["dimensions", either("projection_dim")],
  ] as const;
  return rows.flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]);
}

/** A parameter with several values has a row for each, as in `ollama show`. */
function parameterRows(parameters: Readonly<Record<string, unknown>>): Rows {
  return Object.entries(parameters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, JSON.stringify(one)])
  );
}

function firstLines(text: string, most: number, ellipsis: string): Rows {
  const lines = text.split("\n").map(oneLine).filter((line) => line !== "");
  const shown = lines.slice(0, most).map((line) => [line]);
  return lines.length > most ? [...shown, [ellipsis]] : shown;
}

function licenceLine({ licenses }: ModelDetails): string {
  return licenses.flatMap((text) => firstLines(text, 1, "").slice(0, 1)).join(", ");
}

/** All blobs; tensors are summed up in one row without `verbose`. */
function layerRows({ layers }: ModelDetails, { verbose }: ListView): Rows {
  const id = ({ digest }: LayerDetails) => verbose ? hexOf(digest) : shortId(digest);
  const single = (layer: LayerDetails) => [
    layer.mediaType,
    id(layer),
    formatSize(layer.size),
    [layer.name ?? "", layer.state === "present" ? "" : layer.state].filter(Boolean).join(" "),
  ];
  const tensors = verbose ? [] : layers.filter(({ mediaType }) => mediaType === TENSOR);
  if (tensors.length < 2) return layers.map(single);
  const absent = tensors.filter(({ state }) => state !== "present").length;
  const size = tensors.reduce((sum, layer) => sum + layer.size, 0);
  const all = [
    TENSOR,
    counted(tensors.length, "tensor"),
    formatSize(size),
    absent === 0 ? "" : `${absent} missing or damaged`,
  ];
  return [...layers.filter(({ mediaType }) => mediaType !== TENSOR).map(single), all];
}

function layerFacts(model: ModelDetails, view: ListView): Rows {
  return layerRows(model, view).map((cells) => ["layer", cells.filter(Boolean).join(" ")]);
}

/** Uses the field names of Ollama's API where it has them. */
function detailsDocument(model: ModelDetails): unknown {
  return {
    ...modelFields(model),
    path: model.path,
    details: {
      format: model.format,
      family: model.family,
      families: model.families,
      architecture: model.architecture,
      parameter_size: sizeOfModel(model),
      parameter_count: model.parameterCount,
      quantization_level: model.quantization,
      context_length: model.contextLength,
      embedding_length: model.embeddingLength,
    },
    capabilities: model.capabilities,
    requires: model.requires,
    licenses: model.licenses,
    template: model.template,
    system: model.system,
    parameters: model.parameters,
    messages: model.messages,
    layers: model.layers.map(({ mediaType, digest, size, name, state }) => ({
      media_type: mediaType,
      digest,
      size,
      name,
      state,
    })),
    model_info: model.metadata,
    projector_info: model.projector,
    faults: model.faults,
  };
}
