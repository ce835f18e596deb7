/**
 * What network and server faults cost: the compiled program with a faulty registry, with large
 * blobs and in real time.
 */

import assert from "node:assert/strict";
import { htmlPage } from "../fakes/faults.ts";
import { makeModel } from "../fakes/model.ts";
import {
  type AddedModel,
  type Registry,
  type RegistryOptions,
  startRegistry,
} from "../fakes/registry.ts";
import { demandTokens } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { testWith } from "../needs.ts";
import { type Ended, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const GIB = 1 << 30;

interface Place extends AsyncDisposable {
  readonly registry: Registry;
  readonly model: AddedModel;
  /** The blob that the tests are about. */
  readonly weights: AddedModel["layers"][number];
  readonly pull: (...flags: string[]) => Promise<Ended & { readonly elapsedMs: number }>;
  /**
   * Body bytes of the weights sent in excess of their size, including those lost in socket buffers.
   */
  readonly excess: () => Promise<number>;
  readonly assertWhole: (ended: Ended) => void;
}

async function placeOf(size: number, options: RegistryOptions = {}): Promise<Place> {
  const registry = await startRegistry(options);
  const folder = await temporaryFolder();
  const files = makeModel({ size });
  const model = registry.add("library/tiny:latest", files);
  const weights = model.layers[0]!;
  const models = `${folder.path}/models`;
  return {
    registry,
    model,
    weights,
    async pull(...flags) {
      const began = performance.now();
      const args = ["pull", model.name, "--models-dir", models, "--insecure", ...flags];
      const ended = await pullama(args, { home: folder.path });
      return { ...ended, elapsedMs: performance.now() - began };
    },
    async excess() {
      await Promise.all(registry.requests.map(({ over }) => over));
      return registry.served(weights.digest) - weights.size;
    },
    assertWhole({ code, err }) {
      assert.equal(code, 0, err);
      assertInstalled(models, model.name, {
        manifest: model.manifest,
        blobs: [...model.layers, model.config!],
      });
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Body bytes sent on the connection before this request. */
function carried({ requests }: Registry, { host, connection }: LoggedRequest): number {
  return requests.filter((other) => other.host === host && other.connection === connection)
    .reduce((sum, { sent }) => sum + sent, 0);
}

testWith(
  ["a compiled program"],
  "a connection that is reset after every 40 MiB wastes at most 1 MiB each time",
  async () => {
    await using place = await placeOf(GIB);
    const { registry, weights } = place;
    let resets = 0;
    registry.faults.data = (request) => {
      const after = 40 * MIB - carried(registry, request);
      if (
        !request.path.endsWith(weights.digest) || request.range!.end - request.range!.start <= after
      ) {
        return undefined;
      }
      resets++;
      return { end: { after, how: "reset" } };
    };
    place.assertWhole(await place.pull());
    const excess = await place.excess();
    console.log(`${resets} resets, ${excess} bytes twice`);
    assert.ok(resets >= 15, `${resets} resets`);
    assert.ok(excess <= resets * MIB, `${excess} bytes in ${resets} resets`);
  },
);

testWith(
  ["a compiled program"],
  "a connection that stalls while others receive data costs at most 12 s",
  async () => {
    await using place = await placeOf(192 * MIB, { connectionBytesPerSecond: 8 * MIB });
    const { registry, weights } = place;
    let since: number | undefined;
    registry.faults.data = ({ path, range }) => {
      if (
        !path.endsWith(weights.digest) || since !== undefined || range!.start === 0
      ) return undefined;
      since = performance.now();
      return { end: { after: MIB, how: "stall" } };
    };
    place.assertWhole(await place.pull());
    const silent = performance.now() - since!;
    const excess = await place.excess();
    console.log(`over ${Math.round(silent)} ms after the silent request, ${excess} bytes twice`);
    assert.ok(silent <= 12_000, `${silent} ms`);
    assert.ok(excess <= MIB, `${excess} bytes`);
  },
);

const PHASES = ["manifest", "token", "redirect", "data"] as const;

/** Makes every fourth request of this phase, starting with the first, fail with 503. */
function busyIn(phase: typeof PHASES[number], { faults }: Registry): void {
  let n = 0;
  const busy = () => n++ % 4 === 0 ? { status: 503 } : undefined;
  const hook = ({ manifest: "manifest", token: "other", redirect: "blob", data: "data" } as const)[
    phase
  ];
  const usual = faults[hook];
  faults[hook] = (request, k) => busy() ?? usual?.(request, k);
}

for (const size of [3 * MIB, 200 * MIB]) {
  for (const phase of PHASES) {
    testWith(
      ["a compiled program"],
      `a pull of ${size / MIB} MiB survives 503 on every fourth request for the ${phase}`,
      async () => {
        await using place = await placeOf(size, { blobHosts: 2 });
        demandTokens(place.registry, { anonymous: true });
        busyIn(phase, place.registry);
        place.assertWhole(await place.pull());
        // A range that is divided while it is sent: what is in socket buffers comes to the first half too.
        assert.ok(await place.excess() <= MIB, `${await place.excess()} bytes twice`);
      },
    );
  }
}

testWith(["a compiled program"], "responses limited to 10 MiB cost no extra bytes", async () => {
  await using place = await placeOf(256 * MIB);
  place.registry.faults.data = () => ({ atMost: 10 * MIB });
  place.assertWhole(await place.pull());
  assert.equal(await place.excess(), 0);
});

testWith(
  ["a compiled program"],
  "one flipped bit in 1 GiB costs one range if the registry has chunksums",
  async () => {
    await using place = await placeOf(GIB, { chunkLength: 32 * MIB });
    flipOnce(place, 600 * MIB);
    place.assertWhole(await place.pull());
    await assertExcess(place, 32 * MIB);
  },
);

testWith(
  ["a compiled program"],
  "one flipped bit in 1 GiB costs at most one more copy without chunksums",
  async () => {
    await using place = await placeOf(GIB);
    flipOnce(place, 600 * MIB);
    const ended = await place.pull("--output", "json");
    place.assertWhole(ended);
    // The chunks up to and including the wrong one.
    await assertExcess(place, 640 * MIB);
  },
);

/** Ranges are requested again from a registry that stands still for seconds, as this one does to compute its list. */
async function assertExcess(place: Place, expected: number): Promise<void> {
  const more = await place.excess() - expected;
  assert.ok(more >= 0 && more < 8 * MIB, `${more} bytes more than expected`);
}

function flipOnce({ registry, weights }: Place, offset: number): void {
  let flips = 1;
  registry.faults.data = ({ path, range }) => {
    const hit = path.endsWith(weights.digest) && range!.start <= offset && offset < range!.end;
    return hit && flips-- > 0 ? { flipAt: offset } : undefined;
  };
}

for (const size of [600_000, 64 * MIB]) {
  testWith(
    ["a compiled program"],
    `a web page instead of a blob of ${size} bytes is rejected`,
    async () => {
      await using place = await placeOf(size);
      const page = htmlPage(200);
      place.registry.faults.data = ({ path }) =>
        path.endsWith(place.weights.digest)
          ? { ...page, body: String(page.body).padEnd(600) }
          : undefined;
      const { code, err } = await place.pull("--max-retries", "1");
      assert.equal(code, 1, err);
      assert.match(err, /HTML page/);
      delete place.registry.faults.data;
      place.assertWhole(await place.pull());
    },
  );
}
