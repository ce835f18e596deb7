/** Real servers on loopback ports: docker-registry, nginx, tinyproxy and `ollama serve`. */

import { createHash } from "node:crypto";
import { type Child, startChild, temporaryFolder } from "./child.ts";

export interface RealServer extends AsyncDisposable {
  /** "127.0.0.1:PORT" */
  readonly host: string;
  readonly log: () => string;
}

export interface DockerRegistryOptions {
  /** The directory of its store, which is kept; default an empty one, which is removed with it. */
  readonly store?: string;
  /** The content of an htpasswd file with the users who have access. */
  readonly htpasswd?: string;
  readonly tls?: Pair;
}

/** A certificate and its key, both in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A registry on a free port. */
export async function startDockerRegistry(
  { store, htpasswd, tls }: DockerRegistryOptions = {},
): Promise<RealServer> {
  const folder = await temporaryFolder();
  const config = `${folder.path}/config.yml`;
  const users = `${folder.path}/htpasswd`;
  const guard = `auth: {htpasswd: {realm: basic-realm, path: ${users}}}`;
  if (htpasswd !== undefined) await Deno.writeTextFile(users, htpasswd);
  if (tls) await writePair(folder.path, tls);
  await Deno.writeTextFile(
    config,
    [
      "version: 0.1",
      ...(htpasswd === undefined ? [] : [guard]),
      `storage: {filesystem: {rootdirectory: ${store ?? `${folder.path}/store`}}}`,
      "http:",
      "  addr: '127.0.0.1:0'",
      ...(tls
        ? [`  tls: {certificate: ${folder.path}/cert.pem, key: ${folder.path}/key.pem}`]
        : []),
    ].join("\n"),
  );
  const start = startChild({
    command: "/usr/bin/docker-registry",
    args: ["serve", config],
    ready: /listening on (127\.[\d.:]+)/,
  });
  return await together(start, folder);
}

export interface NginxOptions {
  readonly tls?: Pair;
  /** Sends `FILE.gz`, where there is one, in place of FILE, whatever the client accepts. */
  readonly compressed?: boolean;
  /**
   * Also serves the files below `/signed/`, slowly, to requests with a signature (see
   * `signedPath`). All requests are logged with their status.
   */
  readonly secret?: string;
}

/** Serves the files below `root`, with ranges. */
export async function startNginx(root: string, options: NginxOptions = {}): Promise<RealServer> {
  const folder = await temporaryFolder();
  if (options.tls) await writePair(folder.path, options.tls);
  const start = async (port: number) => {
    const config = `${folder.path}/nginx.conf`;
    await Deno.writeTextFile(config, nginxConfig(root, folder.path, port, options));
    const child = await startChild({
      command: "/usr/sbin/nginx",
      args: ["-p", folder.path, "-c", config, "-e", "stderr"],
      ready: /start worker process \d/,
    });
    return { ...child, said: `127.0.0.1:${port}` };
  };
  return await together(onFreePort(start), folder);
}

/** Passes requests on to `host`, each once it is here whole; `most`: how large one may be, such as `1m`. */
export async function startProxyNginx(host: string, most = "0"): Promise<RealServer> {
  const folder = await temporaryFolder();
  const start = async (port: number) => {
    const config = `${folder.path}/nginx.conf`;
    const server = `listen 127.0.0.1:${port};
    client_max_body_size ${most};
    location / {
      proxy_pass http://${host};
      proxy_set_header Host $http_host;
    }`;
    await Deno.writeTextFile(config, nginxServing(folder.path, "access_log off;", server));
    const child = await startChild({
      command: "/usr/sbin/nginx",
      args: ["-p", folder.path, "-c", config, "-e", "stderr"],
      ready: /start worker process \d/,
    });
    return { ...child, said: `127.0.0.1:${port}` };
  };
  return await together(onFreePort(start), folder);
}

/** `ollama serve` on a models folder; `prefix` is a command that runs it, such as `setpriv …`. */
export async function startOllama(
  models: string,
  home: string,
  prefix: readonly string[] = [],
): Promise<RealServer> {
  const [command = "", ...args] = [...prefix, Deno.env.get("OLLAMA_BIN") ?? "ollama", "serve"];
  const child = await startChild({
    command,
    args,
    env: { HOME: home, OLLAMA_MODELS: models, OLLAMA_HOST: "127.0.0.1:0", OLLAMA_NO_CLOUD: "1" },
    ready: /Listening on (127\.[\d.:]+)/,
  });
  return { host: child.said, log: child.log, [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

/** Path and query of `file` at nginx with this secret, valid until `expires`, in Unix time. */
export function signedPath(secret: string, file: string, expires: number): string {
  const path = `/signed/${file}`;
  const signature = createHash("md5").update(`${expires}${path} ${secret}`).digest("base64url");
  return `${path}?md5=${signature}&expires=${expires}`;
}

/** An HTTP proxy, optionally with authentication. Its log has a line for each request. */
export async function startTinyproxy(
  login?: { readonly username: string; readonly password: string },
): Promise<RealServer> {
  const folder = await temporaryFolder();
  const start = async (port: number) => {
    const config = `${folder.path}/tinyproxy.conf`;
    const lines = [
      `Port ${port}`,
      "Listen 127.0.0.1",
      "Timeout 60",
      "MaxClients 20",
      "LogLevel Info",
      ...(login ? [`BasicAuth ${login.username} ${login.password}`] : []),
    ];
    await Deno.writeTextFile(config, `${lines.join("\n")}\n`);
    const child = await startChild({
      command: "/bin/sh",
      args: ["-c", 'exec "$0" "$@" >&2', "/usr/bin/tinyproxy", "-d", "-c", config],
      ready: /Accepting connections/,
    });
    return { ...child, said: `127.0.0.1:${port}` };
  };
  return await together(onFreePort(start), folder);
}

async function writePair(folder: string, { cert, key }: Pair): Promise<void> {
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, key);
}

function nginxConfig(root: string, own: string, port: number, options: NginxOptions): string {
  const log = options.secret ? "access_log /dev/stderr;" : "access_log off;";
  return nginxServing(
    own,
    log,
    `listen 127.0.0.1:${port}${options.tls ? " ssl" : ""};
    ${options.tls ? `ssl_certificate ${own}/cert.pem; ssl_certificate_key ${own}/key.pem;` : ""}
    root ${root};
    ${options.compressed ? "gzip_static always;" : ""}
    ${options.secret ? signedLocation(root, options.secret) : ""}
    location ~ ^/v2/.*/manifests/ {
      default_type application/vnd.docker.distribution.manifest.v2+json;
    }`,
  );
}

/**
 * The configuration of an nginx in the foreground that keeps its own files in the folder `own`. `http` and `server`
 * are directives of these blocks.
 */
export function nginxServing(own: string, http: string, server: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((what) => `${what}_temp_path ${own}/${what};`).join("\n  ");
  return `${Deno.uid() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
error_log stderr notice;
pid ${own}/nginx.pid;
events { worker_connections 1024; }
http {
  ${http}
  sendfile on;
  ${temporary}
  default_type application/octet-stream;
  server {
    ${server}
  }
}
`;
}

function signedLocation(root: string, secret: string): string {
  return `location /signed/ {
      alias ${root}/;
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri ${secret}";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      limit_rate 256k;
    }`;
}

/** Starts with a port that was just free, and retries if another program takes it first. */
async function onFreePort(start: (port: number) => Promise<Child>): Promise<Child> {
  for (let left = 5;; left--) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    try {
      return await start(port);
    } catch (error) {
      if (left === 1 || !/Address already in use/.test(String(error))) throw error;
    }
  }
}

/** A server and its directory, which is disposed after it. */
async function together(start: Promise<Child>, folder: AsyncDisposable): Promise<RealServer> {
  await using stack = new AsyncDisposableStack();
  stack.use(folder);
  const child = stack.use(await start);
  const owned = stack.move();
  return { host: child.said, log: child.log, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
