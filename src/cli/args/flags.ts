/** Flags that several commands share. */

import { Option } from "@commander-js/extra-typings";
import type { Timetable } from "../../setup/pace/timetable.ts";
import { type Mode, MODES } from "../../ui/mode.ts";
import {
  duration,
  durationOrForever,
  each,
  hosts,
  path,
  pathOrStdin,
  sizeFrom,
  timetable,
  wholeNumber,
} from "./values.ts";

const STORAGE = "Storage:";
const NETWORK = "Network:";
const OUTPUT = "Output:";
const MIB = 2 ** 20;

export function modelsDirFlag(): Option<"--models-dir <dir>", undefined, undefined, string> {
  return new Option("--models-dir <dir>", "where models are stored (env: OLLAMA_MODELS)")
    .default(undefined, "~/.ollama/models")
    .argParser(path)
    .helpGroup(STORAGE);
}

/** Of a command that reads or writes no network. */
export function diskRateFlag(): Option<"--limit-rate <size>", undefined, undefined, number> {
  return new Option("--limit-rate <size>", "bytes per second, such as 50M")
    .argParser(sizeFrom(1, "1")).helpGroup(STORAGE);
}

export function rateFlag(): Option<"--limit-rate <rate>", undefined, undefined, Timetable> {
  return new Option("--limit-rate <rate>", "bytes per second, such as 5M, or 1M,01:00-07:00=off")
    .argParser(timetable).helpGroup(NETWORK);
}

export function timeoutFlag(): Option<"--timeout <dur>", undefined, number, number> {
  return new Option("--timeout <dur>", "time limit for one attempt at a chunk")
    .argParser(duration).default(30 * 60_000, "30m").helpGroup(NETWORK);
}

export function chunkSizeFlag(
  description: string,
): Option<"--chunk-size <size>", undefined, number, number> {
  return new Option("--chunk-size <size>", description)
    .argParser(sizeFrom(MIB / 16, "64KiB")).default(64 * MIB, "64MiB").helpGroup(NETWORK);
}

export function fromFileFlag(): Option<"--from-file <file>", undefined, undefined, string> {
  const about = "also pull the models in this file, one per line; - for stdin";
  return new Option("--from-file <file>", about).argParser(pathOrStdin).helpGroup("Models:");
}

export function insecureFlag(): Option<"--insecure"> {
  return new Option("--insecure", "use plain http to the registry").helpGroup(NETWORK);
}

export function maxRetriesFlag(): Option<"--max-retries <n>", undefined, number, number> {
  const about = "consecutive failures without progress before giving up";
  return new Option("--max-retries <n>", about).argParser(wholeNumber(0, 10_000)).default(6)
    .helpGroup(NETWORK);
}

export function retryForFlag(): Option<"--retry-for <dur>", undefined, undefined, number> {
  const about = "keep retrying for this long if the network is down: 24h, forever";
  return new Option("--retry-for <dur>", about).argParser(durationOrForever).helpGroup(NETWORK);
}

export function caCertFlag(): Option<"--ca-cert <file>", undefined, undefined, string> {
  const about = "additional trusted certificates (env: SSL_CERT_FILE, SSL_CERT_DIR)";
  return new Option("--ca-cert <file>", about).argParser(path).helpGroup(NETWORK);
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

export function mirrorFlag(): Option<
  "--mirror <url>",
  undefined,
  undefined,
  undefined,
  false,
  readonly string[]
> {
  const about = "download from here first; repeatable, in order (env: PULLAMA_MIRRORS)";
  return new Option("--mirror <url>", about).argParser(each).helpGroup(NETWORK);
}

export function offlineFlag(): Option<"--offline"> {
  return new Option("--offline", "ask only mirrors, also for manifests").helpGroup(NETWORK);
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
