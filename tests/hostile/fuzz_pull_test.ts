/**
 * Whole pulls from a registry whose answers are almost valid: what is installed is what the manifest says, byte for
 * byte, or the pull fails in a known way.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { asPullamaError } from "../../src/core/errors.ts";
import { distinctBlobs, parseManifest } from "../../src/core/manifest.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { pathsOf } from "../../src/store/layout/paths.ts";
import type { Fault, FaultHook } from "../fakes/faults.ts";
import { damaged, damagedJson, damagedText, trials } from "../fakes/mutate.ts";
import { challenged } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { filesIn, sha256Of } from "../real/store.ts";
import { MIB, type Tiny, type World, world } from "../transfer/world.ts";
import { assertPrintable } from "../ui/printable.ts";
import { LONGEST } from "./lying.ts";

const MOST_REQUESTS = 120;
const TOKEN = "t0k3n-of-the-registry";

/** The header with its value damaged, as far as that can be sent. */
function header(
  g: fc.GeneratorValue,
  name: string,
  valid: string,
): Readonly<Record<string, string>> {
  const bytes = g(damagedText, valid, ["bytes ", "*", "/", "-", "http://127.0.0.1", "@"]);
  return { [name]: new TextDecoder("latin1").decode(bytes).replaceAll(/[\r\n\0]/g, "") };
}

/** Damage to one kind of answer. */
type Damage = (place: World, model: Tiny, g: fc.GeneratorValue) => void;

const DAMAGES: Readonly<Record<string, Damage>> = {
  manifest({ registry }, model, g) {
    const body = g(damagedJson, JSON.parse(new TextDecoder().decode(model.manifest)));
    registry.faults.manifest = after(registry.faults.manifest, () => ({
      status: 200,
      body,
      headers: { "content-type": "application/vnd.docker.distribution.manifest.v2+json" },
    }));
  },
  "chunk list"({ registry }, _, g) {
    registry.faults.chunksums = () => ({
      list: (lines) => {
        const bytes = g(damagedText, lines.join(""), [" ", "\n", lines[0]!, "sha256:"]);
        return new TextDecoder("latin1").decode(bytes).split(/(?<=\n)/);
      },
    });
  },
  "place of the chunks"({ registry }, { weights }, g) {
    const headers = header(g, "content-location", registry.address(weights.digest));
    registry.faults.chunksums = after(registry.faults.chunksums, () => ({ headers }));
  },
  redirect({ registry }, { weights }, g) {
    const headers = header(g, "location", registry.address(weights.digest));
    registry.faults.blob = after(
      registry.faults.blob,
      ({ path }) => path.includes(weights.digest) ? { headers } : {},
    );
  },
  "head of a blob"({ registry }, { weights }, g) {
    const range = header(g, "content-range", `bytes 0-${weights.size - 1}/${weights.size}`);
    const length = header(g, "content-length", String(weights.size));
    const status = g(() => fc.constantFrom(200, 206, 206, 206, 203));
    const which = g(fc.nat, 2);
    registry.faults.data = after(
      registry.faults.data,
      (_, n) =>
        n > 2 ? {} : {
          headers: { ...(which !== 0 && range), ...(which !== 1 && length) },
          ...(n === 2 && { status }),
        },
    );
  },
  "bytes of a blob"({ registry }, { weights }, g) {
    const flipAt = g(fc.nat, weights.size);
    const atMost = g(fc.nat, weights.size) + 1;
    const extraBytes = g(fc.nat, 5) * 1000;
    registry.faults.data = after(
      registry.faults.data,
      (_, n) => n > 2 ? {} : { flipAt, atMost, extraBytes, chunked: extraBytes > 0 },
    );
  },
  challenge({ registry }, _, g) {
    const valid =
      `Bearer realm="${registry.url}/token",service="fake",scope="repository:library/tiny:pull"`;
    const headers = header(g, "www-authenticate", valid);
    registry.faults.manifest = guarded(registry.faults.manifest, headers["www-authenticate"]!);
  },
  token({ registry }, _, g) {
    const body = g(damagedJson, {
      token: TOKEN,
      expires_in: 300,
      issued_at: "2026-01-01T00:00:00Z",
    });
    registry.faults.manifest = guarded(
      registry.faults.manifest,
      `Bearer realm="${registry.url}/token"`,
    );
    registry.faults.other = () => ({ status: 200, body });
  },
  "page of an error"({ registry }, _, g) {
    const valid = { errors: [{ code: "DENIED", message: "access to \u001b[2J denied" }] };
    const body = g(fc.boolean)
      ? g(damagedJson, valid)
      : g(damaged, new TextEncoder().encode("<html><title>no</title>"));
    const status = g(() => fc.constantFrom(400, 401, 403, 404, 412, 429, 451, 500, 503));
    const hook = g(() => fc.constantFrom("manifest", "blob", "data", "chunksums"));
    registry.faults[hook] = (_, n) => n === 1 ? { status, body } : {};
  },
};

/** Both faults, the second one where the first does not answer. */
function after(
  first: FaultHook | undefined,
  second: (request: LoggedRequest, n: number) => Fault,
): FaultHook {
  return async (request, n) => {
    const fault = await first?.(request, n) ?? {};
    return fault.status === undefined ? { ...fault, ...second(request, n) } : fault;
  };
}

/** Asks for a token before `answer`. */
function guarded(answer: FaultHook | undefined, challenge: string): FaultHook {
  return (request, n) =>
    request.headers.get("authorization") === `Bearer ${TOKEN}`
      ? answer?.(request, n)
      : challenged(challenge);
}

/** The model that is stored, if one is: all its blobs are there, and right. */
function assertStored({ models }: World, name: string): void {
  const { manifests, blobs } = pathsOf(models);
  const [host, namespace, rest] = name.split("/");
  const bytes = Deno.readFileSync(`${manifests}/${host}/${namespace}/${rest!.replace(":", "/")}`);
  const manifest = parseManifest(bytes, "sha256:");
  assert.ok("layers" in manifest);
  for (const { digest, size } of distinctBlobs(manifest)) {
    const path = `${blobs}/${digest.replace(":", "-")}`;
    assert.equal(Deno.statSync(path).size, size);
    assert.equal(`sha256:${sha256Of(path)}`, digest);
  }
}

Deno.test("a pull of almost valid answers installs what its manifest says, or fails in a known way", async () => {
  await using place = await world({ blobHosts: 1, chunkLength: 128 * 1024 });
  const { registry, models } = place;
  const model = place.tiny(MIB + 10_000);
  const names = Object.keys(DAMAGES);
  const endings = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
      fc.gen(),
      async (which, g) => {
        await Deno.remove(models, { recursive: true }).catch(() => {});
        for (const hook of Object.keys(registry.faults)) delete registry.faults[hook as "blob"];
        // What is asked for a token damages nothing: the others come first.
        for (const name of names.filter((name) => which.includes(name))) {
          DAMAGES[name]!(place, model, g);
        }
        using source = new RegistrySource({
          userAgent: "test",
          insecure: true,
          chunkSize: 256 * 1024,
          headerTimeoutMs: 1000,
          silenceMs: 500,
          chunksumsMs: 500,
        });
        const before = registry.requests.length;
        const began = performance.now();
        const { result } = place.start(model.name, {
          settings: { maxRetries: 2, chunkSize: 256 * 1024 },
          silence: { alone: 500, besideOthers: 500, slowest: 1000, slowMs: 500 },
          source: () => source,
        });
        const error = await result.then(() => undefined, asPullamaError);
        const what = `${which}: ${error?.stack}`;
        assert.ok(performance.now() - began < LONGEST, what);
        assert.ok(registry.requests.length - before < MOST_REQUESTS, what);
        if (error === undefined) assertStored(place, model.name);
        else {
          assert.notEqual(error.kind, "internal", what);
          assertPrintable(error.message, what);
          assert.ok(error.message.length < 2000, what);
        }
        for (const path of place.tree()) {
          const [, hex] = /^blobs\/sha256-([0-9a-f]{64})$/.exec(path) ?? [];
          if (hex !== undefined) assert.equal(sha256Of(`${models}/${path}`), hex, what);
        }
        // Nothing is beside the models folder.
        assert.deepEqual(
          filesIn(models.slice(0, -"/models".length)).filter((path) => !path.startsWith("models/")),
          [],
        );
        const ending = error?.kind ?? "pulled";
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
      },
    ),
    // To make a failure smaller would take hundreds of pulls.
    { ...trials(8, 400), endOnFailure: true },
  );
  assert.ok(endings.get("pulled")! > 0, "no pull came to its end");
  if (Deno.env.get("PULLAMA_SOAK")) console.log(endings);
});
