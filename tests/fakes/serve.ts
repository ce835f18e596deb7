/**
 * The fake registry as a standalone program, for tests and demos that run pullama as a process:
 *
 *     deno run -A tests/fakes/serve.ts --size 256MiB --rate 100MiB --port 0
 *
 * It prints one line,
 * `{"host":"127.0.0.1:PORT","model":"127.0.0.1:PORT/library/tiny:latest","digest":"sha256:…"}`,
 * responds to `GET /__stats` with its counters as one line of JSON, and exits after a time limit.
 */

import { parseArgs } from "node:util";
import type { Digest } from "../../src/core/digest.ts";
import { makeModel } from "./model.ts";
import { type Registry, startRegistry } from "./registry.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
};

function bytes(text: string): number {
  const [, count, unit = ""] = /^([\d.]+)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  if (count === undefined || factor === undefined) throw new TypeError(`not a size: "${text}"`);
  return Number(count) * factor;
}

/** The counters: `blobs` has body bytes by digest, `manifests` and `data` count requests. */
function stats(registry: Registry, digests: readonly Digest[]) {
  const { requests } = registry;
  return {
    requests: requests.length,
    manifests: requests.filter((request) => request.path.includes("/manifests/")).length,
    data: requests.filter((request) => request.path.includes("/blobs/") && request.sent > 0).length,
    connections: registry.connections,
    open: registry.open,
    sent: requests.reduce((sum, request) => sum + request.sent, 0),
    blobs: Object.fromEntries(digests.map((digest) => [digest, registry.served(digest)])),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      size: { type: "string", default: "16MiB" },
      seed: { type: "string", default: "1" },
      name: { type: "string", default: "library/tiny:latest" },
      /** Bytes per second of each server, and of each connection. */
      rate: { type: "string" },
      "connection-rate": { type: "string" },
      "blob-hosts": { type: "string", default: "0" },
      /** Name of the blob hosts in redirects; Ollama requires a name other than the registry's. */
      "blob-host-name": { type: "string" },
      port: { type: "string", default: "0" },
      /** Seconds until it exits. */
      for: { type: "string", default: "300" },
    },
  });
  await using registry = await startRegistry({
    port: Number(values.port),
    blobHosts: Number(values["blob-hosts"]),
    ...(values["blob-host-name"] ? { blobHostName: values["blob-host-name"] } : {}),
    ...(values.rate ? { bytesPerSecond: bytes(values.rate) } : {}),
    ...(values["connection-rate"]
      ? { connectionBytesPerSecond: bytes(values["connection-rate"]) }
      : {}),
  });
  const files = makeModel({ size: bytes(values.size), seed: Number(values.seed) });
  const model = registry.add(values.name, files);
  const digests = [...model.layers, ...(model.config ? [model.config] : [])]
    .map((blob) => blob.digest);
  registry.faults.other = (request) =>
    request.path === "/__stats"
      ? { status: 200, body: `${JSON.stringify(stats(registry, digests))}\n` }
      : undefined;
  console.log(JSON.stringify({ host: registry.host, model: model.name, digest: model.digest }));
  await new Promise((resolve) => setTimeout(resolve, Number(values.for) * 1000));
}
