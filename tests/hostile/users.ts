/** Two users and root at one models folder: who owns it, who plants something, and who runs the program. */

import { lchownSync } from "node:fs";
import { type ModelName, parseName } from "../../src/core/name.ts";
import { type AddedModel, type Registry, startRegistry } from "../fakes/registry.ts";
import { type Ended, kill, spawnAlone, temporaryFolder } from "../real/child.ts";
import { programForAll } from "../real/program.ts";
import { BLOBS } from "../store/write/small_model.ts";
import { manifestOf, type TestBlob, World } from "../store/world.ts";
import { HALF, type Planted, portrait, prepare, type Victims, victimsIn } from "./planting.ts";

const ROOT = 0;
export const ALICE = 54001;
export const BOB = 54002;
const GROUP = 54003;

export interface Roles {
  readonly owner: number;
  /** Who runs the program. */
  readonly actor: number;
  /** Who puts something into the folder. */
  readonly planter: number;
}

export const ROLES: Readonly<Record<string, Roles>> = {
  "root in a folder of another user": { owner: ALICE, actor: ROOT, planter: ALICE },
  "the owner of a folder that a group shares": { owner: ALICE, actor: ALICE, planter: BOB },
  "a member of the group": { owner: ALICE, actor: BOB, planter: ALICE },
};

/** A program that ended, and the most memory that it used, in bytes. */
export interface Used extends Ended {
  readonly memory: number;
  readonly elapsedMs: number;
}

/** A registry for both models, and a program that every user may run. */
export interface Company extends AsyncDisposable {
  readonly registry: Registry;
  /** It is installed. */
  readonly whole: AddedModel;
  /** It shares a blob with the other, and one of its blobs is unfinished. */
  readonly half: AddedModel;
  readonly program: readonly string[];
  readonly home: string;
}

export async function company(): Promise<Company> {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry());
  const folder = stack.use(await temporaryFolder());
  await Deno.chmod(folder.path, 0o755);
  const type = "application/vnd.ollama.image.model";
  const layer = ({ bytes }: TestBlob) => ({ mediaType: type, content: bytes });
  const [config, ...layers] = BLOBS.map(layer);
  const whole = registry.add("library/whole:latest", {
    config: config!,
    layers,
    manifest: manifestOf(BLOBS).bytes,
  });
  const half = registry.add("library/half:latest", {
    config: config!,
    layers: [layers[0]!, layer(HALF)],
  });
  const program = await programForAll(folder.path);
  const owned = stack.move();
  return {
    registry,
    whole,
    half,
    program,
    home: folder.path,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A models folder with what an earlier pull has left, and foreign files that belong to the actor. */
export class SharedPlace implements AsyncDisposable {
  readonly name: ModelName;

  private constructor(
    readonly world: World,
    readonly victims: Victims,
    private readonly roles: Roles,
    private readonly company: Company,
    private readonly before: unknown,
  ) {
    this.name = parseName(company.whole.name);
  }

  static async make(roles: Roles, company: Company): Promise<SharedPlace> {
    const world = new World(await Deno.makeTempDir({ prefix: "pullama-users-" }));
    await Deno.chmod(world.root, 0o755);
    const name = parseName(company.whole.name);
    await prepare(world, name, manifestOf(BLOBS), BLOBS);
    share(world.models, roles);
    const victims = await victimsIn(world.root);
    for (const path of [victims.folder, ...below(victims.folder)]) {
      Deno.chownSync(path, roles.actor, roles.actor);
    }
    return new SharedPlace(world, victims, roles, company, portrait(victims.folder));
  }

  /** Gives what was planted at `path` to the one who plants. */
  give(path: string): void {
    lchownSync(path, this.roles.planter, this.roles.planter);
  }

  get planted(): Planted {
    return { paths: this.world.paths, name: this.name, whole: BLOBS[1]!.blob.digest };
  }

  /** Whether all foreign files are as they were made. */
  untouched(): boolean {
    return Deno.inspect(portrait(this.victims.folder)) === Deno.inspect(this.before);
  }

  /** Runs the program as the actor. */
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Used> {
    const { program, home } = this.company;
    const began = performance.now();
    const process = spawnAlone(
      [...as(this.roles.actor), ...program, ...args, "--models-dir", this.world.models],
      { env: { HOME: home, ...env }, cwd: "/" },
    );
    let memory = 0;
    const watch = setInterval(() => memory = Math.max(memory, peakOf(process.pid)), 20);
    const limit = setTimeout(() => kill(process, "SIGKILL"), 30_000);
    const [out, err, { code }] = await Promise.all([
      new Response(process.stdout).text(),
      new Response(process.stderr).text(),
      process.status,
    ]);
    clearInterval(watch);
    clearTimeout(limit);
    return { code, out, err, memory, elapsedMs: performance.now() - began };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }
}

/** A command that runs another one as `uid`; the users share a group. */
export function as(uid: number): string[] {
  if (uid === ROOT) return [];
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, `--groups=${GROUP}`];
}

/** Gives a folder to its owner; one that is shared by a group is writable for it. */
function share(folder: string, { owner, actor, planter }: Roles): void {
  const shared = [actor, planter].some((uid) => uid !== ROOT && uid !== owner);
  for (const path of [folder, ...below(folder)]) {
    Deno.chownSync(path, owner, shared ? GROUP : owner);
    if (shared) Deno.chmodSync(path, Deno.statSync(path).isDirectory ? 0o2775 : 0o664);
  }
}

function below(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? [path, ...below(path)] : [path];
  });
}

/** Bytes; 0 for a process that has ended. */
function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
