/**
 * The flags that a suggested command line must repeat to use the same models folder and network
 * settings.
 */

import { pathsOf } from "../../setup/models_dir.ts";
import type { Host } from "../host/host.ts";

/** Parsed flags; those that a command does not have are absent. */
export interface PlaceFlags {
  readonly modelsDir?: string | undefined;
  readonly insecure?: true | undefined;
  readonly caCert?: string | undefined;
  readonly tokenHost?: readonly string[] | undefined;
  readonly mirror?: readonly string[] | undefined;
  readonly offline?: true | undefined;
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
}

/** The parts of the host that paths depend on. */
type Place = Pick<Host, "os" | "env" | "cwd">;

/** ` --models-dir '/my models'` for a command that uses the same folder; empty without the flag. */
export function repeatFolderFlags(
  { modelsDir }: Pick<PlaceFlags, "modelsDir">,
  place: Place,
): string {
  return modelsDir === undefined ? "" : ` --models-dir ${word(modelsDir, place)}`;
}

/** The same for a command that pulls, or does a dry run, with the same flags. */
export function repeatPullFlags(flags: PlaceFlags, place: Place): string {
  return [
    repeatFolderFlags(flags, place),
    flags.insecure ? " --insecure" : "",
    flags.caCert === undefined ? "" : ` --ca-cert ${word(flags.caCert, place)}`,
    ...(flags.tokenHost ?? []).map((host) => ` --token-host ${quotedWord(host, place)}`),
    ...(flags.mirror ?? []).map((url) => ` --mirror ${quotedWord(url, place)}`),
    flags.offline ? " --offline" : "",
    flags.force ? " --force" : "",
    flags.dryRun ? " --dry-run" : "",
  ].join("");
}

/** `path` as an absolute path; unchanged if the working directory is unknown. */
export function absolute(path: string, place: Place): string {
  const { isAbsolute, resolve } = pathsOf(place);
  const here = isAbsolute(path) ? undefined : place.cwd();
  return here === undefined ? path : resolve(here, path);
}

/** An absolute path, quoted for a shell. */
function word(path: string, place: Place): string {
  return quotedWord(absolute(path, place), place);
}

/**
 * Double quotes hold in cmd and in PowerShell, except for what PowerShell replaces in them. A backslash before the last
 * quote would take it away.
 */
function quotedForWindows(text: string): string {
  if (/^[\w.:\\/-]+$/.test(text)) return text;
  if (/[$`]/.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return `"${text.replace(/\\+$/, "$&$&")}"`;
}

/** `text` quoted for a shell, if necessary. */
export function quotedWord(text: string, place: Place): string {
  if (place.os === "windows") return quotedForWindows(text);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
