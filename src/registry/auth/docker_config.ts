/** User names and passwords for registries: set for this run, else from Docker's config file. */

import { Buffer } from "node:buffer";
import { quoted } from "../../core/quote.ts";
import { type ReadSecret, readSecret } from "./secret_file.ts";

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
  /** How files are read; default each time they are needed. */
  readonly read?: ReadSecret;
}

export interface FoundPassword {
  readonly credentials?: Password;
  /** Why the file could not be used, as a clause such as "FILE is not valid JSON". */
  readonly problem?: string;
  /** `docker login` would not change that: it stores the password where it is not read. */
  readonly loginIsUseless?: boolean;
}

/** Names of Docker Hub in Docker's config file. */
const DOCKER_HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/** The credentials for `host`, with its port unless it is the default. The first match wins. */
export async function findPassword(
  host: string,
  { login, dockerConfig, read = readSecret }: PasswordSources,
): Promise<FoundPassword> {
  if (login && isSameHost(login.host, host)) {
    const { user, password } = login;
    return { credentials: { user, password, source: "PULLAMA_REGISTRY_USER" } };
  }
  if (dockerConfig === undefined) return {};
  try {
    const bytes = await read(dockerConfig);
    return bytes ? inDockerConfig(new TextDecoder().decode(bytes), dockerConfig, host) : {};
  } catch {
    return { problem: `${dockerConfig} cannot be read` };
  }
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
  const fields = new Map<string, unknown>(Object.entries(entry ?? {}));
  const [auth = "", user = "", password = "", identityToken = ""] = [
    "auth",
    "username",
    "password",
    "identitytoken",
  ].map((key) => String(fields.get(key) ?? ""));
  if (identityToken !== "") {
    const problem = `${path} has an identity token for this host, which is not supported`;
    return { problem, loginIsUseless: true };
  }
  if (auth !== "") return decoded(auth, path);
  if (user !== "") return { credentials: { user, password, source: path } };
  const helper = helperFor(config, host);
  if (helper !== "") {
    const problem = `${path} uses the credential helper ${quoted(helper, 40)}, which is not run`;
    return { problem, loginIsUseless: true };
  }
  return entry === undefined ? {} : { problem: `${path} has no password for this host` };
}

/** "user:password" in base64; Docker pads the password with zeros. */
function decoded(auth: string, path: string): FoundPassword {
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 1) return { problem: `${path} has an invalid entry for this host` };
  let end = text.length;
  while (text[end - 1] === "\0") end--;
  return {
    credentials: { user: text.slice(0, colon), password: text.slice(colon + 1, end), source: path },
  };
}

/** The program that Docker asks for the password; "" if it asks none. */
function helperFor(config: unknown, host: string): string {
  const { credHelpers, credsStore } = Object(config) as Readonly<Record<string, unknown>>;
  const [, own] = Object.entries(Object(credHelpers)).find(([key]) => isSameHost(key, host)) ?? [];
  return String(own ?? credsStore ?? "");
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
