/** The part of an npm registry that an installation needs. */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { runToEnd } from "../real/child.ts";

export interface NpmRegistry extends AsyncDisposable {
  readonly url: string;
  /** The archives that were downloaded. */
  readonly sent: readonly string[];
}

/** Offers packages by their archives. */
export async function startNpmRegistry(archives: readonly string[]): Promise<NpmRegistry> {
  const sent: string[] = [];
  const bodies = new Map<string, string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    const archive = archives.find((each) => path === `/-/${basename(each)}`);
    if (archive === undefined) {
      const body = bodies.get(path.slice(1));
      return new Response(body ?? "{}", { status: body === undefined ? 404 : 200 });
    }
    sent.push(basename(archive));
    return new Response(Deno.readFileSync(archive));
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (const archive of archives) {
    const { out } = await runToEnd(["tar", "-xzOf", archive, "package/package.json"]);
    const description = JSON.parse(out);
    const sum = createHash("sha512").update(Deno.readFileSync(archive)).digest("base64");
    const dist = { tarball: `${url}/-/${basename(archive)}`, integrity: `sha512-${sum}` };
    const { name, version } = description;
    const versions = { [version]: { ...description, dist } };
    bodies.set(name, JSON.stringify({ name, "dist-tags": { latest: version }, versions }));
  }
  return { url, sent, [Symbol.asyncDispose]: () => server.shutdown() };
}
