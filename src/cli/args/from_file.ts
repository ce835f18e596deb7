/** `--from-file`: names of models from a file, such as one that `list --output lock` has made. */

import { CommanderError } from "@commander-js/extra-typings";
import { PullamaError } from "../../core/errors.ts";
import { displayName, fullName, type ModelName, parsePinned } from "../../core/name.ts";
import { readInput } from "../../io/input.ts";
import type { Host } from "../host/host.ts";

/** Bytes: more than ten thousand names. */
const MOST = 2 ** 20;

/**
 * The models of a command line: its arguments, then those of its file. Throws an error of the command line where there
 * is none of both, and `usage` for a file that names no model, a model twice, or something else; `local` where it
 * cannot be read.
 */
export async function modelsOf(
  args: readonly string[],
  file: string | undefined,
  host: Host,
): Promise<readonly string[]> {
  if (file !== undefined) return [...args, ...await namesIn(file, host)];
  if (args.length > 0) return args;
  throw new CommanderError(
    1,
    "commander.missingArgument",
    "error: missing required argument 'model'",
  );
}

async function namesIn(file: string, host: Host): Promise<readonly string[]> {
  const bytes = await readInput(file, MOST, host.stop.soft);
  const place = file === "-" ? "standard input" : file;
  const lines = textOf(bytes, place).split(/\r\n|[\r\n]/).map(withoutComment);
  const seen = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const name = parsed(line, `${place}:${i + 1}`);
    const before = seen.get(keyOf(name));
    if (before !== undefined) {
      throw new PullamaError(
        "usage",
        `${place}:${i + 1}: ${displayName(name)} is there already, in line ${before}`,
        { hint: "remove one of the two lines; nothing was changed" },
      );
    }
    seen.set(keyOf(name), i + 1);
  }
  if (seen.size > 0) return lines.filter((line) => line !== "");
  throw new PullamaError("usage", `${place} names no model`, {
    hint: "write one name per line, or make the file with: pullama list --output lock",
  });
}

/** Windows PowerShell writes UTF-16 when it redirects output. */
function textOf(bytes: Uint8Array, place: string): string {
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe ? "utf-16le" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PullamaError("usage", `${place} is not a text file in UTF-8`, {
      hint: "it must be a list of model names, one per line",
      cause,
    });
  }
}

/** No name has a blank or "#". */
function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, "").trim();
}

function parsed(line: string, place: string): ModelName {
  try {
    return parsePinned(line);
  } catch (caught) {
    if (!(caught instanceof PullamaError)) throw caught;
    const { kind, message, hint } = caught;
    throw new PullamaError(kind, `${place}: ${message}`, {
      cause: caught,
      ...(hint !== undefined && { hint }),
    });
  }
}

/** Ollama stores names that differ only in case as one model. */
function keyOf(name: ModelName): string {
  return fullName(name).toLowerCase();
}
