/** Compares pullama with its peers on bad networks, scenario by scenario. */

import { sha256Of } from "../tests/real/store.ts";
import { OverLimit } from "./measure.ts";
import { type StaticModel, writeModel } from "./model.ts";
import { type Peer, peers } from "./peers.ts";
import { openPlace, type Place, type Site } from "./place.ts";
import { type Curve, drawPlot } from "./plot.ts";
import { type Comparison, comparisonTable, type Outcome, summaryTable } from "./report.ts";
import type { Samples } from "./samples.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { Unavailable } from "./unavailable.ts";

export interface NetworkOptions {
  /** Keys of scenarios. */
  readonly keys: readonly string[];
  readonly rounds: number;
  /** Factor of the size of all models, to try it out. */
  readonly scale: number;
  /** Whether runs that take minutes are part of it. */
  readonly slow: boolean;
  /** The folder for plots; undefined for none. */
  readonly plots: string | undefined;
  /** The path of the compiled program. */
  readonly program: string;
  /** An empty folder, in memory if possible. */
  readonly folder: string;
}

/** Seconds after which a run is ended: usually, with `slow`, and for a plot. */
const LIMIT = 120;
const SLOW_LIMIT = 900;
const PLOT_LIMIT = 90;

/** Bytes of the largest model, for the size of the folder. */
export function largestModel(keys: readonly string[], scale: number): number {
  const sizes = keys.map((key) => scaled(SCENARIOS[key]!, scale))
    .map(({ blobs, size }) => blobs * size);
  return Math.max(0, ...sizes);
}

/** Prints a table for each scenario and one for all; writes the plots. */
export async function compareOnNetworks(options: NetworkOptions): Promise<void> {
  const { keys, scale, folder } = options;
  const all = peers(options.program);
  const leftOut = all.flatMap(({ name, missing }) => missing ? [`${name}: ${missing}`] : []);
  const comparisons: Comparison[] = [];
  for (const key of keys) {
    const scenario = scaled(SCENARIOS[key]!, scale);
    try {
      await using place = await openPlace(scenario.network, folder);
      const model = await writeModel(`${folder}/www`, scenario.blobs, scenario.size);
      try {
        const stage = { key, scenario, place, model, options };
        const here = all.filter((peer) => !peer.missing && (peer.runsIn?.(scenario) ?? true));
        const tooSlow = here.filter((peer) => !options.slow && peer.takesMinutesIn?.(scenario));
        leftOut.push(...tooSlow.map(({ name }) => `${name} in ${key}: takes minutes, see --slow`));
        const compared = here.filter((peer) => !tooSlow.includes(peer));
        comparisons.push(await compare(stage, compared));
        console.log(`\n${comparisonTable(comparisons.at(-1)!)}`);
        await draw(stage, here);
      } finally {
        await Deno.remove(model.root, { recursive: true });
      }
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      leftOut.push(`${key}: ${error.message}`);
    }
  }
  const medians = `median of ${options.rounds} interleaved rounds, and the ratio to the best`;
  console.log(`\nSeconds, ${medians}:\n\n${summaryTable(comparisons)}`);
  if (leftOut.length > 0) console.log(`\nLeft out:\n\n- ${leftOut.join("\n- ")}`);
}

/** A scenario that is ready for runs. */
interface Stage {
  readonly key: string;
  readonly scenario: Scenario;
  readonly place: Place;
  readonly model: StaticModel;
  readonly options: NetworkOptions;
}

async function compare(stage: Stage, all: readonly Peer[]): Promise<Comparison> {
  const { key, scenario, model, options } = stage;
  const rows = all.map((peer) => ({ peer, name: peer.name, outcomes: [] as Outcome[] }));
  for (let round = 1; round <= options.rounds; round++) {
    for (const { peer, outcomes } of rows) {
      // A program that failed once, or took too long, is not run again.
      if (outcomes.some((one) => "failure" in one)) continue;
      outcomes.push(await once(stage, peer, options.slow ? SLOW_LIMIT : LIMIT));
    }
    console.error(`${key}: round ${round} of ${options.rounds}`);
  }
  const { title, rate } = scenario;
  const ideal = rate === undefined ? undefined : model.size / rate;
  return { key, title, size: model.size, ideal, rows };
}

/** One run of one program. Its copy is verified and removed. */
async function once(
  { place, model, options }: Stage,
  peer: Peer,
  limit: number,
  onStart?: (site: Site) => Samples | undefined,
): Promise<Outcome> {
  await using site = await place.serve(model.root);
  const target = await Deno.makeTempDir({ dir: place.copies, prefix: "copy-" });
  try {
    await using samples = onStart?.(site);
    const measured = await peer.download({
      model,
      target,
      limit,
      host: site.host,
      near: place.near,
      home: options.folder,
      onReady: () => samples?.restart(),
    });
    const counts = await site.counts?.();
    const wrong = model.blobs.find((blob) =>
      sha256Of(`${target}/${peer.copy(blob)}`) !== blob.sha256
    );
    if (wrong) {
      Deno.exitCode = 1;
      return { failure: "wrong copy" };
    }
    return { measured, counts };
  } catch (error) {
    console.error(`${peer.name}: ${(error as Error).message.slice(0, 1000)}`);
    return { failure: error instanceof OverLimit ? `> ${limit}` : "failed" };
  } finally {
    await Deno.remove(target, { recursive: true });
  }
}

/** Draws one more run of each program with a curve, if this scenario has a plot. */
async function draw(stage: Stage, all: readonly Peer[]): Promise<void> {
  const { key, scenario: { title, rate, plotted }, options: { plots } } = stage;
  if (!plotted || plots === undefined || rate === undefined) return;
  const curves: Curve[] = [];
  for (const peer of all) {
    if (peer.curve === undefined) continue;
    let samples: Samples | undefined;
    const outcome = await once(stage, peer, PLOT_LIMIT, (site) => samples = site.watch?.());
    const complete = "measured" in outcome;
    const took = complete ? outcome.measured.wall.toFixed(1) : outcome.failure;
    curves.push({
      name: peer.curve,
      took: took === "failed" || took === "wrong copy" ? took : `${took} s`,
      complete,
      samples: samples?.taken ?? [],
    });
  }
  await Deno.mkdir(plots, { recursive: true });
  await Deno.writeTextFile(`${plots}/${key}.svg`, drawPlot({ title, limit: rate, curves }));
}

function scaled(scenario: Scenario, scale: number): Scenario {
  if (scale === 1) return scenario;
  const { blobs, size } = scenario;
  return {
    ...scenario,
    title: `${scenario.title} (scaled by ${scale})`,
    ...(blobs > 1 ? { blobs: Math.ceil(blobs * scale) } : { size: Math.ceil(size * scale) }),
  };
}
