/**
 * A test machine for `diagnose()`: a home, a models folder and a registry. Checks must not change
 * any file.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Check, CheckName, DoctorReport } from "../../src/core/reports/doctor.ts";
import { parseName } from "../../src/core/name.ts";
import {
  diagnose,
  type DoctorContext,
  type DoctorOptions,
  type DoctorWatcher,
} from "../../src/setup/doctor.ts";
import { refuseOwner } from "../../src/setup/owner.ts";
import { noise } from "../fakes/content.ts";
import { snapshotOf } from "../fakes/models_folder.ts";
import { type Registry, type RegistryOptions, startRegistry } from "../fakes/registry.ts";

/** Size of the largest blob of the model, in bytes. */
const SIZE = 6_000_000;

export interface DiagnoseInput {
  readonly env?: Readonly<Record<string, string>>;
  /** Replaces the model at the test registry. */
  readonly model?: string;
  readonly options?: Partial<DoctorOptions>;
  readonly around?: Partial<DoctorContext>;
  readonly watcher?: Partial<DoctorWatcher>;
}

/** The variable of the home directory. */
export const HOME = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

export interface Machine extends AsyncDisposable {
  readonly root: string;
  readonly home: string;
  /** Does not exist yet. */
  readonly models: string;
  readonly registry: Registry;
  /** "127.0.0.1:PORT" with a closed port. */
  readonly closed: string;
  diagnose(input?: DiagnoseInput): Promise<DoctorReport>;
}

export async function machine(fake: RegistryOptions = {}): Promise<Machine> {
  const root = await Deno.makeTempDir({ prefix: "pullama-doctor-" });
  await Deno.mkdir(`${root}/home`);
  const registry = await startRegistry({ onPort: true, ...fake });
  registry.add("library/tiny:latest", {
    layers: [
      { mediaType: "application/vnd.ollama.image.model", content: noise(SIZE) },
      { mediaType: "application/vnd.ollama.image.license", content: "free\n" },
    ],
  });
  const closed = closedAddress();
  const home = join(root, "home");
  const models = join(home, ".ollama", "models");
  return {
    root,
    home,
    models,
    registry,
    closed,
    async diagnose({ env = {}, model = `${registry.host}/library/tiny`, ...rest } = {}) {
      const before = snapshotOf(root);
      const all: Readonly<Record<string, string>> = {
        [HOME]: home,
        OLLAMA_HOST: closed,
        ...env,
      };
      const report = await diagnose(
        {
          model: parseName(model),
          modelsDir: models,
          chosenBy: "default",
          insecure: fake.tls === undefined,
          elsewhere: [],
          ...rest.options,
        },
        { signal: new AbortController().signal, onCheck() {}, ...rest.watcher },
        refuseOwner,
        {
          env: (name) => all[name],
          accounts: { passwd: `${root}/passwd`, group: `${root}/group` },
          checkMs: 10_000,
          speedMs: 15_000,
          ...rest.around,
        },
      );
      assert.deepEqual(snapshotOf(root), before, "the checks changed files");
      return report;
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

function closedAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

/** The check with that name. */
export function of({ checks }: DoctorReport, name: CheckName): Check {
  const found = checks.find((check) => check.name === name);
  assert.ok(found, name);
  return found;
}

/** The state of each check, in order: "folder ok". */
export function states({ checks }: DoctorReport): string[] {
  return checks.map(({ name, state }) => `${name} ${state}`);
}

/** The only check that failed. */
export function onlyFailure(report: DoctorReport): Check {
  const failed = report.checks.filter(({ state }) => state === "failed");
  assert.equal(failed.length, 1, JSON.stringify(report.checks));
  assert.ok(failed[0]!.error && failed[0]!.hint);
  return failed[0]!;
}

/** The names of the checks that were skipped because of a failure. */
export function notMade({ checks }: DoctorReport): string[] {
  return checks.filter(({ state, found }) => state === "skipped" && /^not checked/.test(found[0]!))
    .map(({ name }) => name);
}
