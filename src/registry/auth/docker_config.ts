/** User names and passwords for registries: set for this run, else from Docker's config file. */

import { Buffer } from "node:buffer";

export interface Password {
  readonly user: string;
  readonly password: string;
  /** Where they were found, for messages. */
  readonly source: string;
}

/** Where credentials are read from; no program is run to get them. */
export interface PasswordSources {
  /** Set by the user, for one host. */
  readonly login?: { readonly host: string; readonly user: string; readonly password: string };
  /** The path of Docker's `config.json`. */
  readonly dockerConfig?: string;
}

export interface FoundPassword {
  readonly credentials?: Password;
  /** Why the file could not be used, as a clause such as "FILE is not valid JSON". */
  readonly problem?: string;
}

/** Names of Docker Hub in Docker's config file. */
const DOCKER_HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/** The credentials for `host`, with its port unless it is the default. The first match wins. */
export async function findPassword(
  host: string,
  { login, dockerConfig }: PasswordSources,
): Promise<FoundPassword> {
  if (login && isSameHost(login.host, host)) {
    const { user, password } = login;
    return { credentials: { user, password, source: "PULLAMA_REGISTRY_USER" } };
  }
  if (dockerConfig === undefined) return {};
  let text: string;
  try {
    text = await Deno.readTextFile(dockerConfig);
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? {}
      : { problem: `${dockerConfig} cannot be read` };
  }
  return inDockerConfig(text, dockerConfig, host);
}

/** The Authorization header for Basic authentication. */
export function basicHeader({ user, password }: Password): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function inDockerConfig(text: string, path: string, host: string): FoundPassword {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return { problem: `${path} is not valid JSON` };
  }
  const auths = Object.entries(objectIn(config, "auths"));
  const [, entry] = auths.find(([key]) => key.toLowerCase() === host.toLowerCase()) ??
    auths.find(([key]) => isSameHost(key, host)) ?? [];
  if (entry === undefined) return {};
  const { auth } = entry as { auth?: unknown };
  if (typeof auth !== "string" || auth === "") {
    return { problem: `${path} uses a credential helper, which is not supported` };
  }
  const decoded = Buffer.from(auth, "base64").toString();
  const colon = decoded.indexOf(":");
  if (colon < 1) return { problem: `${path} has an invalid entry for this host` };
  const [user, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  return { credentials: { user, password: password.replace(/\0+$/, ""), source: path } };
}

/** The object under `key`, with only those members that are objects. */
function objectIn(value: unknown, key: string): Record<string, object> {
  const found = Object.entries(Object(value)).find(([name]) => name === key)?.[1];
  return Object.fromEntries(
    Object.entries(Object(found)).filter((pair): pair is [string, object] =>
      typeof pair[1] === "object" && pair[1] !== null
    ),
  );
}

/** Whether `key`, which may be a URL as written by old versions of Docker, is this host. */
function isSameHost(key: string, host: string): boolean {
  const [a, b] = [plainHost(key), plainHost(host)];
  return a === b || (DOCKER_HUB.includes(a) && DOCKER_HUB.includes(b));
}

function plainHost(text: string): string {
  return text.toLowerCase().replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
