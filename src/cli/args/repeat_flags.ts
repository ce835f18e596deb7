/** The flags without which a command line that is printed would mean another folder, or another way there. */

import { pathsOf } from "../../setup/models_dir.ts";
import type { Host } from "../host/host.ts";

/** As they were parsed; what is not of concern to a command is left out. */
export interface PlaceFlags {
  readonly modelsDir?: string | undefined;
  readonly insecure?: true | undefined;
  readonly caCert?: string | undefined;
  readonly dryRun?: true | undefined;
}

/** What the machine has to say of paths. */
type Place = Pick<Host, "os" | "env" | "cwd">;

/** ` --models-dir '/my models'` for a command that looks at the same folder; empty without the flag. */
export function repeatFolderFlags(
  { modelsDir }: Pick<PlaceFlags, "modelsDir">,
  place: Place,
): string {
  return modelsDir === undefined ? "" : ` --models-dir ${word(modelsDir, place)}`;
}

/** The same for a command that pulls, or says what it would pull, as this one does. */
export function repeatPullFlags(flags: PlaceFlags, place: Place): string {
  return [
    repeatFolderFlags(flags, place),
    flags.insecure ? " --insecure" : "",
    flags.caCert === undefined ? "" : ` --ca-cert ${word(flags.caCert, place)}`,
    flags.dryRun ? " --dry-run" : "",
  ].join("");
}

/** `path` from the root, wherever the user stands by then; as it is where that cannot be told. */
export function absolute(path: string, place: Place): string {
  const { isAbsolute, resolve } = pathsOf(place);
  const here = isAbsolute(path) ? undefined : place.cwd();
  return here === undefined ? path : resolve(here, path);
}

/** A path as a shell takes it for one word. */
function word(path: string, place: Place): string {
  const text = absolute(path, place);
  if (place.os === "windows") return /^[\w.:\\/-]+$/.test(text) ? text : `"${text}"`;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
