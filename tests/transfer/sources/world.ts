/** The engine with a registry that is served by mirrors as well. */

import type { PullEvent } from "../../../src/core/events.ts";
import type { Source } from "../../../src/core/content.ts";
import type { Identity, RegistryOptions } from "../../../src/registry/source.ts";
import { withMirrors } from "../../../src/setup/mirrors/compose.ts";
import { Mirrors } from "../../../src/setup/mirrors/open.ts";
import { makeModel } from "../../fakes/model.ts";
import {
  type ModelFiles,
  type Registry,
  type RegistryOptions as FakeOptions,
  startRegistry,
} from "../../fakes/registry.ts";
import { withList } from "../chunk_lists.ts";
import { type Pull, type PullChanges, type Tiny, type World, world } from "../world.ts";

export interface MirroredChanges extends PullChanges {
  readonly offline?: boolean;
  readonly identity?: Identity;
  /** Other mirrors than those of the place. */
  readonly urls?: readonly string[];
  /** Instead of the registry as an anonymous client sees it. */
  readonly registry?: Source;
  readonly common?: Pick<RegistryOptions, "caCerts">;
  /** The registry has a list of chunks. */
  readonly list?: Parameters<typeof withList>[0];
}

export interface Mirrored extends World {
  readonly mirrors: readonly Registry[];
  /** Adds a model to the registry and all mirrors. */
  readonly everywhere: (files: ModelFiles) => Tiny;
  /** The name of the repository at a mirror. */
  readonly repository: string;
  /** Pulls to the end, with what the mirrors are said to do among its events. */
  readonly mirrored: (name: string, changes?: MirroredChanges) => Promise<Pull>;
  readonly failed: (
    name: string,
    changes?: MirroredChanges,
  ) => Promise<Awaited<ReturnType<World["fail"]>>>;
}

export async function mirroredWorld(
  count = 1,
  options: FakeOptions = {},
  ofMirror: FakeOptions = {},
): Promise<Mirrored> {
  const place = await world(options);
  const mirrors: Registry[] = [];
  for (let k = 0; k < count; k++) mirrors.push(await startRegistry(ofMirror));
  const repository = `${place.registry.host.replace(":", "_")}/library/tiny`;

  async function with_<T>(
    { offline = false, identity = {}, urls, registry, common, list, ...changes }: MirroredChanges,
    run: (changes: PullChanges) => Promise<T>,
  ): Promise<{ readonly done: T; readonly said: readonly PullEvent[] }> {
    const said: PullEvent[] = [];
    using all = new Mirrors({
      urls: urls ?? mirrors.map(({ url }) => url),
      offline,
      identity,
      proxyFor: () => undefined,
      common: { userAgent: "test", ...common },
    });
    const observer = {
      onWarning: (message: string, hint: string) => said.push({ event: "warning", message, hint }),
    };
    const source: PullChanges["source"] = (anonymous) => {
      const asked = registry ?? anonymous;
      const own = list ? withList(list)(asked) : asked;
      const emit = (event: PullEvent) => void said.push(event);
      return withMirrors(offline ? undefined : own, all.observedBy(observer), emit);
    };
    const done = await run({ ...changes, source });
    return { done, said };
  }

  return {
    ...place,
    mirrors,
    repository,
    everywhere(files) {
      for (const mirror of mirrors) mirror.add(`${repository}:latest`, files);
      const model = place.registry.add("library/tiny:latest", files);
      return { ...model, weights: model.layers[0]! };
    },
    async mirrored(name, changes = {}) {
      const { done, said } = await with_(changes, (all) => place.pull(name, all));
      return { ...done, result: done.result, events: [...done.events, ...said] };
    },
    async failed(name, changes = {}) {
      const { done, said } = await with_(changes, (all) => place.fail(name, all));
      return { ...done, events: [...done.events, ...said] };
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await Promise.all(mirrors.map((mirror) => mirror.close()));
    },
  };
}

/** A model with weights of about `size` bytes. */
export function tiny(size: number, seed = 1): ReturnType<typeof makeModel> {
  return makeModel({ size, seed });
}

/** The warnings, without hints. */
export function warnings({ events }: Pick<Pull, "events">): string[] {
  return events.flatMap((event) => event.event === "warning" ? [event.message] : []);
}

/** Requests for blobs. */
export function blobsAsked({ requests }: Registry): number {
  return requests.filter(({ path }) => path.includes("/blobs/")).length;
}
