/** Helpers of the registry tests: a source, names at a fake registry, failures as values. */

import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import type { Descriptor } from "../../src/core/manifest.ts";
import { type ModelName, parseName } from "../../src/core/name.ts";
import { type RegistryOptions, RegistrySource } from "../../src/registry/source.ts";
import { type Content, noise } from "../fakes/content.ts";
import {
  type Registry,
  type RegistryOptions as FakeOptions,
  startRegistry,
} from "../fakes/registry.ts";

export const MiB = 1 << 20;

export interface World extends AsyncDisposable {
  readonly registry: Registry;
  readonly source: RegistrySource;
  readonly name: ModelName;
  readonly content: Content;
  readonly blob: Descriptor;
}

/** A fake registry with a model of one blob, and a source to pull it from. */
export async function world(
  size: number,
  fake: FakeOptions = {},
  options: Partial<RegistryOptions> = {},
): Promise<World> {
  const registry = await startRegistry(fake);
  const content = noise(size);
  const model = registry.add("library/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.model", content }],
  });
  const source = new RegistrySource({ userAgent: "pullama/test", ...options });
  return {
    registry,
    source,
    content,
    name: nameAt(registry, "library/tiny:latest"),
    blob: model.layers[0]!,
    async [Symbol.asyncDispose]() {
      source[Symbol.dispose]();
      await registry.close();
    },
  };
}

export function nameAt(registry: Registry, model: string): ModelName {
  return parseName(`${registry.url}/${model}`);
}

/** A signal that is never aborted. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

/** The PullamaError that a promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<PullamaError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof PullamaError, `not a PullamaError: ${error}`);
    return error;
  }
  assert.fail("it did not fail");
}

/** How often fetch itself sends a request whose connection ends without a response: the runtime differs by system. */
export const BY_FETCH = Deno.build.os === "windows" ? 2 : 1;
