/** Puts the checks of `doctor` together, from the parts of a pull: its findings are what a pull would meet. */

import type { DoctorReport } from "../core/reports/doctor.ts";
import type { ModelName } from "../core/name.ts";
import { endpointsByName } from "../registry/api/endpoint.ts";
import { RegistrySource } from "../registry/source.ts";
import { Http, type RequestNote } from "../registry/http/http.ts";
import { lookupBeside } from "../registry/net/dns.ts";
import { resolveHost } from "../registry/diagnose/probe.ts";
import { proxiesIn } from "../registry/net/proxy.ts";
import { readCertificates } from "./certificates.ts";
import { type AccountFiles, SYSTEM_ACCOUNTS } from "./checks/accounts.ts";
import { clockStep, FirstResponse } from "./checks/first_response.ts";
import { type FolderOptions, folderStep } from "./checks/folder.ts";
import { Hosts } from "./checks/hosts.ts";
import { keyStep } from "./checks/key.ts";
import { networkSteps } from "./checks/network.ts";
import { mirrorSteps } from "./checks/mirror.ts";
import { modelSteps } from "./checks/model.ts";
import { checkSpace } from "./checks/space.ts";
import { type ServerOptions, serverStep } from "./checks/server.ts";
import { runSteps, type Watcher } from "./checks/run.ts";
import { variable } from "./environment.ts";
import { identityIn, keptIdentity } from "./identity.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "./owner.ts";
import { withMirrors } from "./mirrors/compose.ts";
import { Mirrors } from "./mirrors/open.ts";
import { withoutProxyEnv } from "./deno_client_env.ts";
import { userAgent } from "./version.ts";

export interface DoctorOptions
  extends Pick<FolderOptions, "modelsDir" | "chosenBy">, Pick<ServerOptions, "elsewhere"> {
  readonly model: ModelName;
  /** Plain http to the registry. */
  readonly insecure: boolean;
  /** Hosts that get the login for the registry if it names them as its token server. */
  readonly tokenHosts?: readonly string[];
  /** Mirrors, as those of a pull. */
  readonly mirrors?: readonly string[];
  readonly offline?: true;
  /** A file with certificates to trust besides the system's. */
  readonly caCert?: string;
  /** Folders with such files, as SSL_CERT_DIR lists them. */
  readonly caDir?: string;
}

export interface DoctorWatcher extends Watcher {
  onRequest?(note: RequestNote): void;
}

/** What the checks run in; tests bring their own. */
export interface DoctorContext {
  readonly env: (name: string) => string | undefined;
  readonly accounts: AccountFiles;
  /** Milliseconds that each check may take, and the measurement of the speed. */
  readonly checkMs: number;
  readonly speedMs: number;
}

const HERE: DoctorContext = {
  env: variable,
  accounts: SYSTEM_ACCOUNTS,
  checkMs: 10_000,
  speedMs: 15_000,
};

/**
 * Checks everything between this machine and a model. Stores nothing and retries nothing. Throws `usage` for invalid
 * options, and the signal's reason. `become`: as for a pull.
 */
export async function diagnose(
  options: DoctorOptions,
  watcher: DoctorWatcher,
  become: BecomeOwner = refuseOwner,
  { env, accounts, checkMs, speedMs }: DoctorContext = HERE,
): Promise<DoctorReport> {
  const { model, insecure, modelsDir, chosenBy, elsewhere } = options;
  const { mirrors: urls = [], offline = false } = options;
  const url = new URL(endpointsByName(insecure)(model).origin);
  const scheme = url.protocol === "http:" ? "http" : "https";
  const hosts = new Hosts(url, urls.map((each) => new URL(each)), offline);
  // Evaluated late: invalid variables are reported by their own check.
  const proxyFor = (at: URL) => proxiesIn(env)(at);
  const own = identityIn(env, options.tokenHosts);
  const owner = foreignOwner(modelsDir);
  const identity = await owner.catch(() => undefined) ? await keptIdentity(own) : own;
  const network = {
    userAgent: userAgent(env),
    caCerts: await readCertificates(options),
    quietly: withoutProxyEnv,
    onRequest: (note: RequestNote) => watcher.onRequest?.(note),
  };
  const aside = { ...network, proxyFor };
  using local = new Http(network);
  using http = new Http(aside);
  const lookup = (host: string) => resolveHost(host, watcher.signal);
  const observer = {
    onRequest(note: RequestNote) {
      hosts.onResponse(note);
      watcher.onRequest?.(note);
    },
  };
  using registry = new RegistrySource({
    ...network,
    insecure,
    identity,
    proxyFor: hosts.listening(proxyFor),
    lookup: lookupBeside(proxyFor, scheme, lookup),
    ...observer,
  });
  const setup = { urls, offline, identity, proxyFor: hosts.listening(proxyFor), lookup };
  using all = new Mirrors({ ...setup, common: network });
  const mirrors = all.observedBy(observer);
  const source = withMirrors(offline ? undefined : registry, mirrors, () => {});
  const first = new FirstResponse(http, url);
  async function enter(): Promise<void> {
    const found = await owner;
    if (found) await become(found);
  }

  const steps = [
    folderStep({ modelsDir, chosenBy, accounts, model, enter }),
    serverStep({ elsewhere, address: env("OLLAMA_HOST"), http: local }),
    keyStep(identity, url.host),
    ...(offline ? [] : [...networkSteps({ url, env, first }), clockStep(first)]),
    ...mirrorSteps({ name: model, mirrors, http }),
    ...modelSteps({
      name: model,
      source,
      hosts,
      room: (blobs) => checkSpace(blobs, modelsDir),
      speedMs,
    }),
  ];
  const checks = await runSteps(steps, checkMs, watcher);
  return { model, checks, hosts: hosts.list() };
}
