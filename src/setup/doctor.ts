/** Puts a checkup together: with the parts of a pull, so that what it says is what a pull would meet. */

import type { DoctorReport } from "../core/reports/doctor.ts";
import { type ModelName, plainHttp } from "../core/name.ts";
import { RegistrySource } from "../registry/source.ts";
import { Http, type RequestNote } from "../registry/http/http.ts";
import { lookupBeside } from "../registry/net/dns.ts";
import { resolveHost } from "../registry/diagnose/probe.ts";
import { proxiesIn } from "../registry/net/proxy.ts";
import { readCertificates } from "./certificates.ts";
import { type AccountFiles, SYSTEM_ACCOUNTS } from "./checks/accounts.ts";
import { clockStep, FirstAnswer } from "./checks/first_answer.ts";
import { type FolderOptions, folderStep } from "./checks/folder.ts";
import { Hosts } from "./checks/hosts.ts";
import { keyStep } from "./checks/key.ts";
import { networkSteps } from "./checks/network.ts";
import { modelSteps } from "./checks/model.ts";
import { spaceFor } from "./checks/room.ts";
import { type ServerOptions, serverStep } from "./checks/server.ts";
import { runSteps, type Watcher } from "./checks/run.ts";
import { identityIn } from "./identity.ts";
import { withoutProxyEnv } from "./deno_client_env.ts";
import { userAgent } from "./version.ts";

export interface DoctorOptions
  extends Pick<FolderOptions, "modelsDir" | "chosenBy">, Pick<ServerOptions, "elsewhere"> {
  readonly model: ModelName;
  /** Plain http to the registry. */
  readonly insecure: boolean;
  /** A file with certificates to trust besides the system's. */
  readonly caCert?: string;
  /** Folders with such files, as SSL_CERT_DIR lists them. */
  readonly caDir?: string;
}

export interface DoctorWatcher extends Watcher {
  onRequest?(note: RequestNote): void;
}

/** What a checkup is made in. Tests bring their own. */
export interface DoctorContext {
  readonly env: (name: string) => string | undefined;
  readonly accounts: AccountFiles;
  /** Milliseconds that each check may take, and the measurement of the speed. */
  readonly checkMs: number;
  readonly speedMs: number;
}

const HERE: DoctorContext = {
  env: (name) => Deno.env.get(name),
  accounts: SYSTEM_ACCOUNTS,
  checkMs: 10_000,
  speedMs: 15_000,
};

/**
 * Looks at everything between this machine and a model. Nothing is stored, and nothing that fails is tried again.
 * Throws `usage` for options that make no sense, and the signal's reason.
 */
export async function diagnose(
  options: DoctorOptions,
  watcher: DoctorWatcher,
  { env, accounts, checkMs, speedMs }: DoctorContext = HERE,
): Promise<DoctorReport> {
  const { model, insecure, modelsDir } = options;
  const scheme = plainHttp(model, insecure) ? "http" : "https";
  const url = new URL(`${scheme}://${model.host}/`);
  const hosts = new Hosts(url);
  // Whoever cannot read the variables is told so by the check of them, and asks nobody.
  const proxyFor = (at: URL) => proxiesIn(env)(at);
  const identity = identityIn(env);
  const network = {
    userAgent: userAgent(env),
    caCerts: await readCertificates(options),
    quietly: withoutProxyEnv,
    onRequest: (note: RequestNote) => watcher.onRequest?.(note),
  };
  const aside = { ...network, proxyFor };
  using local = new Http(network);
  using http = new Http(aside);
  using source = new RegistrySource({
    ...network,
    insecure,
    identity,
    proxyFor: hosts.listening(proxyFor),
    lookup: lookupBeside(proxyFor, scheme, (host) => resolveHost(host, watcher.signal)),
    onRequest(note) {
      hosts.answered(note);
      watcher.onRequest?.(note);
    },
  });
  const first = new FirstAnswer(http, url);
  const steps = [
    folderStep({ ...options, accounts }),
    serverStep({ ...options, address: env("OLLAMA_HOST"), http: local }),
    keyStep(identity, url.host),
    ...networkSteps({ url, env, first }),
    clockStep(first),
    ...modelSteps({
      name: model,
      source,
      hosts,
      room: (blobs) => spaceFor(blobs, modelsDir),
      speedMs,
    }),
  ];
  const checks = await runSteps(steps, checkMs, watcher);
  return { model, checks, hosts: hosts.list() };
}
