/**
 * A host in front of a real registry: it passes on manifests, and redirects requests for blobs to a second host, as
 * large registries do, whose URLs expire and whose responses can be faulty. It logs every byte.
 */

import type { Content } from "../fakes/content.ts";
import { type Answer, blobAnswer, redirectAnswer, reply, storeError } from "../fakes/answers.ts";
import { held } from "../fakes/content.ts";
import type { Fault } from "../fakes/faults.ts";
import { signer } from "../fakes/signed.ts";
import { type LoggedRequest, startServer } from "../fakes/wire.ts";

export interface Front extends AsyncDisposable {
  readonly host: string;
  /** Requests for the bytes of blobs, in order of arrival. */
  readonly requests: readonly LoggedRequest[];
  /** The fault of the request `n` for bytes, from 0. */
  fault: (request: LoggedRequest, n: number) => Fault | undefined;
  /** Expires all URLs of blobs. */
  expire(): void;
}

/** Starts both hosts before the registry at `origin`, "HOST:PORT". */
export async function startFront(origin: string, bytesPerSecond: number): Promise<Front> {
  const signatures = signer();
  const asked: LoggedRequest[] = [];
  const requests: LoggedRequest[] = [];
  const blobs = await startServer({
    server: "blobs",
    log: requests,
    bytesPerSecond,
    async answer(request) {
      const n = requests.indexOf(request);
      const refusal = signatures.refusal(request.path, request.query);
      const answer = refusal
        ? storeError(403, refusal)
        : blobAnswer(await contentFrom(origin, request));
      return reply(request, answer, refusal ? {} : front.fault(request, n) ?? {});
    },
  });
  // Ollama follows redirects only to another name.
  const host = blobs.host.replace(/^[^:]+/, "localhost");
  const registry = await startServer({
    server: "registry",
    log: asked,
    async answer(request) {
      if (!/\/blobs\/[^/]+$/.test(request.path)) {
        return reply(request, await passedOn(origin, request), {});
      }
      const query = signatures.sign(request.path, 3600);
      return reply(request, redirectAnswer(`http://${host}${request.path}?${query}`), {});
    },
  });
  const front: Front = {
    host: registry.host,
    requests,
    fault: () => undefined,
    expire: () => signatures.expireAll(),
    async [Symbol.asyncDispose]() {
      await Promise.all([registry.close(), blobs.close()]);
    },
  };
  return front;
}

async function passedOn(origin: string, { target, headers }: LoggedRequest): Promise<Answer> {
  const answer = await fetch(`http://${origin}${target}`, {
    headers: { accept: headers.get("accept") ?? "*/*" },
  });
  const names = ["content-type", "docker-content-digest", "etag"];
  const kept = names.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const content = held(new Uint8Array(await answer.arrayBuffer()));
  return { status: answer.status, headers: Object.fromEntries(kept), content, ranges: false };
}

/** The bytes that the registry sends for the range of the request. */
async function contentFrom(
  origin: string,
  { path, headers }: LoggedRequest,
): Promise<Content> {
  const range = headers.get("range");
  const answer = await fetch(`http://${origin}${path}`, { headers: range ? { range } : {} });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const [, first = "0", size = String(bytes.length)] =
    /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
  const start = Number(first);
  return {
    size: Number(size),
    read: (offset, length) => bytes.subarray(offset - start, offset - start + length),
  };
}
