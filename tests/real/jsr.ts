/** A fake JSR registry that serves this package like jsr.io. */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const IMPORTS: Readonly<Record<string, string>> = config.imports;

export interface Jsr extends AsyncDisposable {
  /** The value for JSR_URL. */
  readonly url: string;
  /** The requested paths. */
  readonly asked: readonly string[];
}

/** Serves `files`, relative to the root of the project, as the version in deno.json. */
export function startJsr(files: readonly string[]): Jsr {
  const contents = new Map(files.map((path) => [`/${path}`, published(path)]));
  const manifest = Object.fromEntries([...contents].map(([path, bytes]) => {
    const checksum = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
    return [path, { size: bytes.length, checksum }];
  }));
  const { name, version, exports } = config;
  const [scope, plain] = name.slice(1).split("/");
  const answers = new Map<string, () => Response>([
    [
      `/${name}/meta.json`,
      () => Response.json({ scope, name: plain, latest: version, versions: { [version]: {} } }),
    ],
    [`/${name}/${version}_meta.json`, () => Response.json({ manifest, exports })],
    ...[...contents].map(([path, bytes]) =>
      [`/${name}/${version}${path}`, () => new Response(bytes)] as const
    ),
  ]);
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    return answers.get(pathname)?.() ?? new Response("not found", { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A file as published: imports have full specifiers instead of the names in deno.json. */
function published(path: string): Uint8Array<ArrayBuffer> {
  const text = Deno.readTextFileSync(ROOT + path);
  if (!path.endsWith(".ts")) return new TextEncoder().encode(text);
  const importing = /\b(from|import)(\s*\(?\s*)"([^".:][^":]*)"/g;
  return new TextEncoder().encode(
    text.replaceAll(
      importing,
      (whole, word, space, name) => name in IMPORTS ? `${word}${space}"${IMPORTS[name]}"` : whole,
    ),
  );
}
