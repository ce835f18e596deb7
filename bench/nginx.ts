/** nginx on any address, run by any command: the servers of the tests are on loopback only. */

import { startChild, temporaryFolder } from "../tests/real/child.ts";
import { nginxServing } from "../tests/real/servers.ts";
import { otherNameOf, REDIRECTED, REPOSITORY } from "./model.ts";
import { isInstalled, Unavailable } from "./unavailable.ts";

const NGINX = "/usr/sbin/nginx";

export interface NginxOptions {
  /** The folder that it serves. */
  readonly root: string;
  /** A command that runs it; empty if it runs like any program. */
  readonly prefix: readonly string[];
  readonly address: string;
  readonly port: number;
}

export interface Nginx extends AsyncDisposable {
  /** "ADDRESS:PORT" */
  readonly host: string;
}

/** Serves files, with ranges, and redirects for blobs of the model's second name. */
export async function startNginx({ root, prefix, address, port }: NginxOptions): Promise<Nginx> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const host = `${address}:${port}`;
  const config = `${path}/nginx.conf`;
  await Deno.writeTextFile(config, configText(root, path, host));
  const [command = "", ...args] = [...prefix, NGINX, "-p", path, "-c", config, "-e", "stderr"];
  stack.use(await startChild({ command, args, ready: /start worker process \d/ }));
  const owned = stack.move();
  return { host, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Throws `Unavailable` if there is no nginx. */
export function needNginx(): void {
  if (!isInstalled("nginx")) throw new Unavailable("nginx is not installed");
}

/** A port on loopback that was free just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function configText(root: string, own: string, host: string): string {
  return nginxServing(
    own,
    "access_log off; tcp_nopush on;",
    `listen ${host};
    root ${root};
    location ~ ^/v2/${REDIRECTED}/(blobs/.*)$ {
      return 307 http://${otherNameOf(host)}/v2/${REPOSITORY}/$1;
    }`,
  );
}
