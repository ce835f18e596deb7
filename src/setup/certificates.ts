/** Certificates to trust besides the built-in ones. */

import { PullamaError } from "../core/errors.ts";
import { localFailure } from "../io/failure.ts";
import { areReadable } from "../registry/clients.ts";
import { quietly } from "./quiet.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Where Linux distributions and the BSDs keep what the system trusts, all in one file; the first one counts. */
const SYSTEM_FILES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What is to be trusted, as the user says it. */
export interface Trust {
  /** A file. */
  readonly caCert?: string;
  /** Folders, a list with ":" (";" on Windows) between its parts. */
  readonly caDir?: string;
}

/** The file that was asked for, else what the environment `env` names in SSL_CERT_FILE and SSL_CERT_DIR. */
export function trustIn(
  caCert: string | undefined,
  env: (name: string) => string | undefined,
): Trust {
  if (caCert !== undefined) return { caCert };
  const [file, folders] = [env("SSL_CERT_FILE"), env("SSL_CERT_DIR")];
  return { ...(file && { caCert: file }), ...(folders && { caDir: folders }) };
}

/**
 * All certificates to trust besides the built-in ones: those that are named and, where the system keeps its
 * own in a file, those as well. A named file must be readable and hold one, and none that is broken; of
 * everything else what can be read counts. Takes about a millisecond.
 */
export async function readCertificates({ caCert, caDir }: Trust): Promise<string[]> {
  const named = caCert === undefined ? [] : await readNamed(caCert);
  const folders = caDir?.split(Deno.build.os === "windows" ? ";" : ":") ?? [];
  const others = await readSystem();
  for (const folder of folders.filter((name) => name !== "")) {
    others.push(...await readFolder(folder));
  }
  return [...new Set([...named, ...readable(others)])];
}

async function readNamed(path: string): Promise<string[]> {
  let certificates: string[];
  try {
    certificates = certificatesIn(await Deno.readTextFile(path));
  } catch (error) {
    throw localFailure(error, "read the certificates in", path);
  }
  const hint =
    "it must hold certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----";
  if (certificates.length === 0) {
    throw new PullamaError("usage", `there is no certificate in ${path}`, { hint });
  }
  if (!areReadable(certificates, quietly)) {
    throw new PullamaError("usage", `there is a broken certificate in ${path}`, { hint });
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
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      found.push(...certificatesIn(await Deno.readTextFile(`${folder}/${name}`).catch(() => "")));
    }
  } catch {
    return found;
  }
  return found;
}

function certificatesIn(text: string): string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** One broken certificate among hundreds of a system is no reason to trust none of them. */
function readable(certificates: readonly string[]): readonly string[] {
  if (areReadable(certificates, quietly)) return certificates;
  return certificates.filter((certificate) => areReadable([certificate], quietly));
}
