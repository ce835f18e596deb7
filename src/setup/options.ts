/** What a pull can be told. */

/** What the engine is told. Sizes in bytes. */
export interface PullOptions {
  readonly modelsDir: string;
  /** Plain http to every registry. */
  readonly insecure: boolean;
  /** Transient failures of a chunk in a row that are forgiven. */
  readonly maxRetries: number;
  /** Length of a chunk where the registry gives none. */
  readonly chunkSize: number;
  /** Longest one attempt at a chunk may take. */
  readonly timeoutMs: number;
  /** 1 to 64. */
  readonly connections: number;
  /** Bytes a second over all connections; absent: no limit. */
  readonly limitRate?: number;
  /** How long to go on when the line is gone, beyond `maxRetries`; Infinity: for ever. */
  readonly retryForMs?: number;
  /** A file with certificates to trust besides the system's. */
  readonly caCert?: string;
  /** Folders with such files, as SSL_CERT_DIR lists them. */
  readonly caDir?: string;
  /** Pull although the disk seems too small. */
  readonly force: boolean;
  readonly dryRun: boolean;
}
