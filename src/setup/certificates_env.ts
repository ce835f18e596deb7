/** Which certificates the user wants to be trusted besides those that are anyway. */

/** What is to be trusted, as the user says it. */
export interface TrustedCertificates {
  /** A file. */
  readonly caCert?: string;
  /** Folders, a list with ":" (";" on Windows) between its parts. */
  readonly caDir?: string;
}

/** The file that was asked for, else what the environment `env` names in SSL_CERT_FILE and SSL_CERT_DIR. */
export function trustedCertificates(
  caCert: string | undefined,
  env: (name: string) => string | undefined,
): TrustedCertificates {
  if (caCert !== undefined) return { caCert };
  const [file, folders] = [env("SSL_CERT_FILE"), env("SSL_CERT_DIR")];
  return { ...(file && { caCert: file }), ...(folders && { caDir: folders }) };
}
