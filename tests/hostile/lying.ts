/** A registry that lies in one phase of a pull, and what must hold of a pull from it. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { asPullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import { parseName } from "../../src/core/name.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { slowed } from "../fakes/capacity.ts";
import { certificate } from "../fakes/certificate.ts";
import type { Fault } from "../fakes/faults.ts";
import type { Registry } from "../fakes/registry.ts";
import { demandTokens } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { PUBLIC, SEED } from "../registry/auth/keys.ts";
import { leaks, TLS } from "../registry/auth/world.ts";
import { notesIn, screens, textsOf } from "./shown.ts";
import { MIB, type World, world } from "../transfer/world.ts";
import { assertPrintable } from "../ui/printable.ts";

/** In milliseconds. */
export const LONGEST = 60_000;
/** Body bytes that a registry gets rid of: more than the largest manifest and chunk list that are read. */
const MOST_SENT = 64 * MIB;
/** What the system's buffers take of a response that is given up. */
const BUFFERED = 10 * MIB;
const MOST_REQUESTS = 60;

export const PHASES = ["manifest", "token", "redirect", "blob", "chunk list"] as const;
export type Phase = typeof PHASES[number];

/** A response that lies; `right` is the one to change. */
export type Lie = (request: LoggedRequest, right: Fault, n: number) => Fault;

const LOGIN = { user: "somebody", password: "s3cret-Pa55word!" };

/** Makes `registry` lie in one phase, after a login where that comes before. */
export function lieIn(registry: Registry, phase: Phase, lie: Lie): void {
  demandTokens(registry, { keys: [PUBLIC], login: `${LOGIN.user}:${LOGIN.password}` });
  const { faults } = registry;
  const hook = ({
    manifest: "manifest",
    token: "other",
    redirect: "blob",
    blob: "data",
    "chunk list": "chunksums",
  } as const)[phase];
  const before = faults[hook];
  faults[hook] = async (request, n) => {
    const right = await before?.(request, n) ?? {};
    // A challenge comes first, except from the token server.
    return right.status !== undefined && phase !== "token" ? right : lie(request, right, n);
  };
}

/** Pulls once from a registry that lies; what came of it, and everything that was shown and written. */
async function pullFrom(place: World, keyFile: string) {
  const { host, url } = place.registry;
  const secure = url.startsWith("https:");
  const model = place.tiny(MIB + 10_000);
  const events: PullEvent[] = [];
  const notes: string[] = [];
  const shortMs = await slowed(300);
  using source = new RegistrySource({
    userAgent: "test",
    insecure: !secure,
    caCerts: [certificate],
    identity: { keyFile, ...(!secure && { login: { host, ...LOGIN } }) },
    chunkSize: 256 * 1024,
    headerTimeoutMs: shortMs,
    silenceMs: shortMs,
    chunksumsMs: shortMs,
    onRequest: (note) => events.push({ event: "request", ...note }),
    onWarning: (message, hint) => events.push({ event: "warning", message, hint }),
    onNote: (note) => notes.push(note),
  });
  const began = performance.now();
  const pull = place.start(model.name, {
    settings: { maxRetries: 1, chunkSize: 256 * 1024 },
    silence: { alone: shortMs, besideOthers: shortMs, slowest: 1000, slowMs: shortMs },
    source: () => source,
    onEvent: (event) => events.push(event),
  });
  const error = await pull.result.then(() => undefined, asPullamaError);
  const elapsedMs = performance.now() - began;
  if (error) {
    const name = parseName(model.name);
    events.push({ event: "pull_failed", name, given: model.name, error });
  } else place.assertInstalled(model);
  const texts = [...notes, ...events.flatMap(textsOf), ...notesIn(place)];
  return { error, elapsedMs, texts, screens: screens(events) };
}

/** What was secret in the requests, as it is and encoded. */
export function secretsIn(requests: readonly LoggedRequest[]): string[] {
  const plain = requests.flatMap(({ headers, query }) => [
    ...(headers.get("authorization") ?? "").split(/[ :]/).slice(1),
    query.get("X-Amz-Signature") ?? "",
    query.get("nonce") ?? "",
  ]);
  const seed = Buffer.from(SEED, "hex").toString("base64").slice(0, 40);
  const known = [SEED, seed, LOGIN.password];
  const all = [...new Set([...plain, ...known])].filter((secret) => secret.length >= 6);
  return all.flatMap((secret) => {
    const bytes = Buffer.from(secret);
    return [secret, bytes.toString("base64"), bytes.toString("hex")];
  });
}

function assertOneSentence(text: string | undefined, what: string): void {
  if (text === undefined) return;
  assert.ok(text.length > 0 && text.length < 2000, `${what}: ${text.length} characters`);
  // A long reason that the server gives is cut off with "...".
  assert.doesNotMatch(text, /\n|(?<!\.\.)\.$/, what);
}

/** Pulls from a registry that tells this lie in this phase, and checks how that ends. */
export async function survive(
  phase: Phase,
  what: string,
  lie: Lie,
  keyFile: string,
): Promise<void> {
  // Nothing is signed over plain http: there it is a password.
  const tls = phase === "blob" || phase === "chunk list" ? {} : TLS;
  await using place = await world({ ...tls, blobHosts: 1, chunkLength: 128 * 1024 });
  lieIn(place.registry, phase, lie);
  const { error, elapsedMs, texts, screens } = await pullFrom(place, keyFile);
  assert.ok(elapsedMs < LONGEST, `${what}: ${Math.round(elapsedMs)} ms`);
  assert.notEqual(error?.kind, "internal", `${what}: ${error?.message}`);
  assertOneSentence(error?.message, what);
  assertOneSentence(error?.hint, what);
  for (const text of screens) assertPrintable(text, what);
  const { requests } = place.registry;
  assert.deepEqual(leaks([...texts, ...screens], secretsIn(requests)), [], what);
  assert.ok(requests.length < MOST_REQUESTS, `${what}: ${requests.length} requests`);
  const sent = requests.reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent < MOST_SENT + requests.length * BUFFERED, `${what}: ${sent} bytes`);
  // A chunk list is optional.
  if (phase === "chunk list") assert.equal(error, undefined, what);
}
