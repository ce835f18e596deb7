/** Flags that more than one command has. */

import { Option } from "@commander-js/extra-typings";
import { type Mode, MODES } from "../../ui/mode.ts";
import { path } from "./values.ts";

const STORAGE = "Storage:";
const OUTPUT = "Output:";

export function modelsDirFlag(): Option<"--models-dir <dir>", undefined, undefined, string> {
  return new Option("--models-dir <dir>", "where models are stored (env: OLLAMA_MODELS)")
    .default(undefined, "~/.ollama/models")
    .argParser(path)
    .helpGroup(STORAGE);
}

export function outputFlag(): Option<
  "--output <mode>",
  undefined,
  "table",
  undefined,
  false,
  Mode
> {
  return new Option("--output <mode>", "how progress and results are shown")
    .choices(MODES)
    .default("table")
    .helpGroup(OUTPUT);
}

export function quietFlag(): Option<"-q, --quiet"> {
  return new Option("-q, --quiet", "no progress, one line at the end").helpGroup(OUTPUT);
}

export function verboseFlag(): Option<"-v, --verbose"> {
  return new Option("-v, --verbose", "also checkpoints, requests, chunks; where errors arose")
    .helpGroup(OUTPUT);
}

export function noColorFlag(): Option<"--no-color"> {
  return new Option("--no-color", "plain ASCII (env: NO_COLOR, TERM=dumb)").helpGroup(OUTPUT);
}
