/** A folder with installed models, and the program with its real parts. */

import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { makeModel } from "../../fakes/model.ts";
import { temporaryFolder } from "../../real/child.ts";
import { filesUnder, sha256Of } from "../../real/store.ts";
import { install, type Installed } from "../../store/installed_models.ts";
import { type FakeHost, fakeHost } from "../fake_host.ts";

/** Bytes of the weights of each model. */
export const SIZE = 3 << 20;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Place extends AsyncDisposable {
  readonly folder: string;
  /** Has the models `a` and `b`. */
  readonly models: string;
  readonly a: Installed;
  readonly b: Installed;
  readonly ran: (args: readonly string[], models?: string, host?: FakeHost) => Promise<Ran>;
  /** What `export` of these models writes to stdout. */
  readonly exported: (...models: readonly string[]) => Promise<Uint8Array>;
  /** Imports `archive` from stdin, in pieces of `piece` bytes. */
  readonly imported: (archive: Uint8Array, models: string, piece?: number) => Promise<Ran>;
}

export async function place(): Promise<Place> {
  const folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  const a = install(models, "a/latest", makeModel({ size: SIZE, seed: 1 }));
  const b = install(models, "b/latest", makeModel({ size: SIZE / 4, seed: 2 }));
  const ran: Place["ran"] = async (args, at = models, host = fakeHost()) => {
    const code = await run([...args, "--models-dir", at], host, wire);
    return { code, out: host.out.text, err: host.err.text };
  };
  return {
    folder: folder.path,
    models,
    a,
    b,
    ran,
    async exported(...names) {
      const pieces: Uint8Array[] = [];
      const host: FakeHost = {
        ...fakeHost(),
        binaryOut: (bytes) => Promise.resolve(void pieces.push(bytes.slice())),
      };
      const { code, err } = await ran(["export", ...names, "-o", "-"], models, host);
      if (code !== 0) throw new Error(err);
      return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
    },
    imported: (archive, at, piece = 65_536) =>
      ran(["import", "-"], at, { ...fakeHost(), input: () => piecesOf(archive, piece) }),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

export function piecesOf(bytes: Uint8Array, length: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + length));
      at += length;
    },
  });
}

/** The manifests and blobs of a folder by their paths, and whether each blob is what its name says. */
export function contentOf(models: string): readonly string[] {
  const under = (folder: string) => {
    try {
      return filesUnder(`${models}/${folder}`).map((name) => `${folder}/${name}`);
    } catch {
      return [];
    }
  };
  return [...under("blobs"), ...under("manifests")].sort()
    .map((path) => `${path} ${sha256Of(`${models}/${path}`)}`);
}
