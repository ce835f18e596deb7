/** In which order sources are asked for the end of a blob, where some of them ignore ranges or have just failed. */

import assert from "node:assert/strict";
import type { Source } from "../../../src/core/content.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import { parseName } from "../../../src/core/name.ts";
import { FirstOf } from "../../../src/transfer/sources/first_of.ts";
import { Health } from "../../../src/transfer/sources/health.ts";
import { registryFirst } from "../../../src/transfer/sources/manifests.ts";
import { blobOf, noSignal } from "../../store/world.ts";

const NAME = parseName("tiny");
const { blob } = blobOf(100);
const END = { start: 60, end: 100 };

interface Kind {
  readonly ranges?: boolean;
  /** It has failed a moment ago. */
  readonly aside?: boolean;
  readonly unreachable?: boolean;
}

/** Which of the sources, of these kinds, sends the end of the blob; the registry is the last one, if there is one. */
async function givenBy(kinds: readonly Kind[], registry?: Kind): Promise<string | undefined> {
  const asked: string[] = [];
  const sourceOf = (name: string, { ranges = true, unreachable = false }: Kind) =>
    ({
      sendsRanges: () => ranges,
      open() {
        asked.push(name);
        if (unreachable) return Promise.reject(new PullamaError("network", "refused"));
        const range = ranges ? END : { start: 0, end: 100 };
        return Promise.resolve({ range, ranged: ranges, stream: new ReadableStream() });
      },
    }) as unknown as Source;
  const mirrors = kinds.map((kind, i) => {
    const health = new Health(() => 1000);
    if (kind.aside) health.failed(health.asked(), false);
    return { url: `http://${i}`, source: sourceOf(`http://${i}`, kind), health };
  });
  const own = registry && sourceOf("registry", registry);
  const body = await new FirstOf(mirrors, own, () => {}).open(NAME, blob, END, noSignal());
  assert.equal(asked.at(-1), body.from === NAME.host ? "registry" : body.from);
  return asked.at(-1);
}

Deno.test("the end of a blob comes from a source that sends only that, if there is one", async () => {
  assert.equal(await givenBy([{ ranges: false }], {}), "registry");
  assert.equal(await givenBy([{ ranges: false }, {}], {}), "http://1");
  assert.equal(await givenBy([{ ranges: false }, {}]), "http://1");
  assert.equal(await givenBy([{ ranges: false }, { aside: true }]), "http://1");
});

Deno.test("without another source the end of a blob comes from one that sends all of it, also after a failure", async () => {
  assert.equal(await givenBy([{ ranges: false }]), "http://0");
  assert.equal(await givenBy([{ ranges: false, aside: true }]), "http://0");
  assert.equal(await givenBy([{ ranges: false }, { ranges: false }]), "http://0");
  assert.equal(await givenBy([{ ranges: false }, { unreachable: true }]), "http://0");
});

Deno.test("a registry that cannot be reached leaves the mirrors that were passed over", async () => {
  const gone = { unreachable: true };
  assert.equal(await givenBy([{ aside: true }], gone), "http://0");
  assert.equal(await givenBy([{ ranges: false }], gone), "http://0");
  assert.equal(await givenBy([{ ranges: false, aside: true }, { aside: true }], gone), "http://1");
});

for (const how of ["does not have a blob", "is asked by a pull that is stopped"]) {
  Deno.test(`a mirror that had a hiccup and then ${how} is asked for the next one at once`, async () => {
    let now = 0;
    const health = new Health(() => now);
    health.failed(health.asked(), true);
    now = 3_000;
    const stop = new AbortController();
    let opened = 0;
    const body = () => ({ range: END, ranged: true, stream: new ReadableStream() });
    const sourceOf = (open: () => unknown) =>
      ({ sendsRanges: () => true, open }) as unknown as Source;
    const mirror = sourceOf(() => {
      if (++opened > 1) return Promise.resolve(body());
      if (how.includes("stopped")) stop.abort(new PullamaError("network", "stopped"));
      return Promise.reject(new PullamaError("not_found", "404"));
    });
    const registry = sourceOf(() => Promise.resolve(body()));
    const all = [{ url: "http://0", source: mirror, health }];
    const sources = new FirstOf(all, registry, () => {});
    await sources.open(NAME, blob, END, stop.signal).catch(() => {});
    const { from } = await sources.open(NAME, blobOf(200).blob, END, noSignal());
    assert.equal(from, "http://0");
  });
}

Deno.test("a mirror that had a hiccup and then does not have a manifest is asked for blobs at once", async () => {
  let now = 0;
  const health = new Health(() => now);
  health.failed(health.asked(), true);
  now = 3_000;
  const source = {
    manifest: () => Promise.reject(new PullamaError("not_found", "404")),
  } as unknown as Source;
  const manifest = registryFirst(undefined, [{ url: "http://0", source, health }]);
  await assert.rejects(manifest(NAME, noSignal()), /404/);
  assert.ok(health.usable);
});

Deno.test("of a mirror that had a hiccup one request alone finds out whether it responds again", () => {
  let now = 0;
  const health = new Health(() => now);
  health.failed(health.asked(), true);
  now = 3_000;
  health.asked();
  assert.ok(!health.usable);
  health.failed(3_000, true, 5_000);
  now = 7_000;
  assert.ok(!health.usable);
  now = 8_000;
  assert.ok(health.usable);
});
