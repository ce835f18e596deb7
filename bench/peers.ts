/** The programs that are compared on networks: each downloads a model into a folder. */

import { measure, type Measured } from "./measure.ts";
import { type BlobFile, nameOn, redirectedNameOn, type StaticModel, urlOn } from "./model.ts";
import { pullWithOllama } from "./ollama.ts";
import type { Scenario } from "./scenarios.ts";
import { isInstalled } from "./unavailable.ts";

/** One download. */
export interface Task {
  readonly model: StaticModel;
  /** "ADDRESS:PORT" of the server. */
  readonly host: string;
  /** A new, empty folder for the copy. */
  readonly target: string;
  /** A command that runs a client; empty if it runs like any program. */
  readonly near: readonly string[];
  readonly home: string;
  /** Seconds after which the program is ended. */
  readonly limit: number;
  /** Called before the download, once a server of the program's own is ready, if it has one. */
  readonly onReady?: () => void;
}

export interface Peer {
  readonly name: string;
  /** Rejects if the program fails, with `OverLimit` if it takes too long. */
  download(task: Task): Promise<Measured>;
  /** The path of a blob's copy in the folder. */
  copy(blob: BlobFile): string;
  /** Why this machine cannot run it. */
  readonly missing?: string | undefined;
  /** Whether it is run in a scenario; default in all. */
  runsIn?(scenario: Scenario): boolean;
  /** Whether a run in a scenario takes minutes; default in none. */
  takesMinutesIn?(scenario: Scenario): boolean;
  /** The name of its curve in plots; undefined without one. */
  readonly curve?: string;
}

const inBlobs = ({ sha256 }: BlobFile) => `blobs/sha256-${sha256}`;

/** The programs in the order of the tables. `pullama` is the path of the compiled program. */
export function peers(pullama: string): readonly Peer[] {
  const pull = (...flags: string[]): Peer => ({
    name: ["pullama", ...flags].join(" "),
    download: ({ host, target, near, home, limit }) => {
      const own = ["--insecure", "--quiet", "--models-dir", target, ...flags];
      return measure([...near, pullama, nameOn(host), ...own], home, limit);
    },
    copy: inBlobs,
  });
  return [
    { ...pull(), curve: "pullama" },
    pull("--connections", "4"),
    {
      name: "aria2c -x16 -s16 -k1M",
      download: ({ model, host, target, near, home, limit }) => {
        const flags = ["-q", "-x16", "-s16", "-k1M", "-d", target, "-o", "blob"];
        return measure([...near, "aria2c", ...flags, urlOn(host, model.blobs[0]!)], home, limit);
      },
      copy: () => "blob",
      missing: isInstalled("aria2c") ? undefined : "not installed",
      runsIn: ({ blobs }) => blobs === 1,
      curve: "aria2c",
    },
    {
      name: "curl --parallel --parallel-max 32",
      download: ({ model, host, target, near, home, limit }) => {
        const flags = ["-sSf", "--parallel", "--parallel-max", "32"];
        const output = ["--remote-name-all", "--output-dir", target];
        const urls = model.blobs.map((blob) => urlOn(host, blob));
        return measure([...near, "curl", ...flags, ...output, ...urls], home, limit);
      },
      copy: ({ sha256 }) => `sha256:${sha256}`,
      missing: isInstalled("curl") ? undefined : "not installed",
      runsIn: ({ blobs }) => blobs > 1,
    },
    {
      name: "ollama pull",
      download: ({ host, target, ...rest }) => pullWithOllama(redirectedNameOn(host), target, rest),
      copy: inBlobs,
      missing: Deno.env.get("OLLAMA_BIN") ? undefined : "OLLAMA_BIN is not set",
      takesMinutesIn: ({ slowWithOllama }) => slowWithOllama === true,
      curve: "ollama",
    },
  ];
}
