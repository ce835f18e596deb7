/** Flags that several commands share. */

import { Option } from "@commander-js/extra-typings";
import { type Mode, MODES } from "../../ui/mode.ts";
import { hosts, path } from "./values.ts";

const STORAGE = "Storage:";
const NETWORK = "Network:";
const OUTPUT = "Output:";

export function modelsDirFlag(): Option<"--models-dir <dir>", undefined, undefined, string> {
  return new Option("--models-dir <dir>", "where models are stored (env: OLLAMA_MODELS)")
    .default(undefined, "~/.ollama/models")
    .argParser(path)
    .helpGroup(STORAGE);
}

export function tokenHostFlag(): Option<
  "--token-host <host>",
  undefined,
  undefined,
  undefined,
  false,
  readonly string[]
> {
  const about =
    "another host that gets the registry's login; repeatable (env: PULLAMA_TOKEN_HOSTS)";
  return new Option("--token-host <host>", about).argParser(hosts).helpGroup(NETWORK);
}

export function outputFlag(): Option<
  "--output <mode>",
  undefined,
  "table",
  undefined,
  false,
  Mode
> {
  return new Option("--output <mode>", "output format")
    .choices(MODES)
    .default("table")
    .helpGroup(OUTPUT);
}

export function quietFlag(): Option<"-q, --quiet"> {
  return new Option("-q, --quiet", "print only a summary line").helpGroup(OUTPUT);
}

export function verboseFlag(): Option<"-v, --verbose"> {
  return new Option("-v, --verbose", "also print checkpoints, requests, chunks and stack traces")
    .helpGroup(OUTPUT);
}

export function noColorFlag(): Option<"--no-color"> {
  return new Option("--no-color", "no colors, plain ASCII (env: NO_COLOR, TERM=dumb)")
    .helpGroup(OUTPUT);
}
