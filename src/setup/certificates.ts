/** Certificates to trust besides the built-in ones. */

import { PullamaError } from "../core/errors.ts";
import { localFailure } from "../io/failure.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * All certificates of the file `caCert` and of the folders `caDir`, a list with ":" (";" on Windows) between
 * its parts. A named file must be readable and hold one; of folders what can be read counts.
 */
export async function readCertificates(
  { caCert, caDir }: { readonly caCert?: string; readonly caDir?: string },
): Promise<string[]> {
  const found: string[] = [];
  if (caCert !== undefined) {
    const certificates = certificatesIn(await readNamed(caCert));
    if (certificates.length === 0) {
      throw new PullamaError("usage", `there is no certificate in ${caCert}`, {
        hint: "it must hold certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----",
      });
    }
    found.push(...certificates);
  }
  const folders = caDir?.split(Deno.build.os === "windows" ? ";" : ":") ?? [];
  for (const folder of folders.filter((name) => name !== "")) {
    found.push(...await readFolder(folder));
  }
  return found;
}

async function readNamed(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw localFailure(error, "read the certificates in", path);
  }
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
