/** Certificates that the user trusts besides the built-in ones. */

/** Files and folders of certificates. */
export interface TrustedCertificates {
  /** A file in PEM form. */
  readonly caCert?: string;
  /** Folders, a list with ":" (";" on Windows) between its parts. */
  readonly caDir?: string;
}

/** The file of --ca-cert, otherwise what `env` has in SSL_CERT_FILE and SSL_CERT_DIR. */
export function trustedCertificates(
  caCert: string | undefined,
  env: (name: string) => string | undefined,
): TrustedCertificates {
  if (caCert !== undefined) return { caCert };
  const [file, folders] = [env("SSL_CERT_FILE"), env("SSL_CERT_DIR")];
  return { ...(file && { caCert: file }), ...(folders && { caDir: folders }) };
}
