/** The options of a pull. */

import type { Hours, Timetable } from "./pace/timetable.ts";

/** Sizes in bytes, times in milliseconds. */
export interface PullOptions {
  readonly modelsDir: string;
  /** Plain http to every registry. */
  readonly insecure: boolean;
  /** Consecutive failures without progress before giving up. */
  readonly maxRetries: number;
  /** Length of a chunk where the registry gives none. */
  readonly chunkSize: number;
  /** Longest one attempt at a chunk may take. */
  readonly timeoutMs: number;
  /** 1 to 64; undefined: as many as serve. */
  readonly connections: number | undefined;
  /** Bytes a second over all connections; absent: no limit. */
  readonly limitRate?: Timetable;
  /** When bytes may be downloaded; absent: at any time. */
  readonly windows?: readonly Hours[];
  /** How long to keep retrying beyond `maxRetries` while the network is down; Infinity: for ever. */
  readonly retryForMs?: number;
  /** A file with certificates to trust besides the system's. */
  readonly caCert?: string;
  /** Folders with such files, as SSL_CERT_DIR lists them. */
  readonly caDir?: string;
  /** Hosts that get the login for a registry if that names them as its token server. */
  readonly tokenHosts?: readonly string[];
  /** Pull even if there is not enough disk space, or it is not a model. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Mirrors that blobs are requested from first, in this order; URLs as `mirrorOptions` returns them. */
  readonly mirrors?: readonly string[];
  /** Ask only these, also for manifests. */
  readonly offline?: true;
  /** Pull exactly what is installed, also where the registry has another manifest by now. */
  readonly repair?: true;
}
