/** What limits the downloads of a pull. */

export interface SchedulerLimits {
  /** Parallel connections, 1 or more; undefined: as many as serve. */
  readonly connections: number | undefined;
  /** Of those, how many may write to one blob. */
  readonly perBlob: number;
  /** Bytes of a chunk where the registry gives none. */
  readonly chunkSize: number;
  /** How far ahead of its first missing byte bytes of a blob are requested. */
  readonly window: number;
}
