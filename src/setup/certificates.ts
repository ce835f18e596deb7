/** Certificates to trust besides the built-in ones. */

import { PullamaError } from "../core/errors.ts";
import { fileError } from "../io/file_error.ts";
import { areReadable } from "../registry/net/client_pool.ts";
import { withoutProxyEnv } from "./deno_client_env.ts";
import type { TrustedCertificates } from "./trust.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificate bundles of Linux distributions and the BSDs; the first that exists is used. */
const SYSTEM_FILES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * All certificates to trust besides the built-in ones: those the user names, and those of the system if it has a
 * bundle. A file the user names must be readable and valid; of everything else, unreadable files and invalid
 * certificates are ignored. Takes about a millisecond, and more with folders of many files.
 */
export async function readCertificates({ caCert, caDir }: TrustedCertificates): Promise<string[]> {
  const named = caCert === undefined ? [] : await readNamed(caCert);
  const folders = caDir?.split(Deno.build.os === "windows" ? ";" : ":") ?? [];
  const found = await Promise.all([
    readSystem(),
    ...folders.filter((name) => name !== "").map(readFolder),
  ]);
  // A folder often has the certificates of the bundle, one by one.
  const others = new Set(found.flat());
  return [...new Set([...named, ...readable([...others])])];
}

async function readNamed(path: string): Promise<string[]> {
  let certificates: string[];
  try {
    certificates = certificatesIn(await Deno.readTextFile(path));
  } catch (error) {
    throw fileError(error, "read the certificates in", path);
  }
  const hint =
    "it must hold certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----";
  if (certificates.length === 0) {
    throw new PullamaError("usage", `no certificate in ${path}`, { hint });
  }
  if (!areReadable(certificates, withoutProxyEnv)) {
    throw new PullamaError("usage", `invalid certificate in ${path}`, { hint });
  }
  return certificates;
}

async function readSystem(): Promise<string[]> {
  if (["darwin", "windows"].includes(Deno.build.os)) return [];
  for (const path of SYSTEM_FILES) {
    const certificates = certificatesIn(await Deno.readTextFile(path).catch(() => ""));
    if (certificates.length > 0) return certificates;
  }
  return [];
}

async function readFolder(folder: string): Promise<string[]> {
  try {
    const files = await Array.fromAsync(Deno.readDir(folder));
    const texts = files.map(({ name }) => Deno.readTextFile(`${folder}/${name}`).catch(() => ""));
    return (await Promise.all(texts)).flatMap(certificatesIn);
  } catch {
    return [];
  }
}

function certificatesIn(text: string): string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** One invalid certificate must not disable the hundreds of others. */
function readable(certificates: readonly string[]): readonly string[] {
  if (areReadable(certificates, withoutProxyEnv)) return certificates;
  return certificates.filter((certificate) => areReadable([certificate], withoutProxyEnv));
}
