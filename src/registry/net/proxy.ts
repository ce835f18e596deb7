/**
 * Which proxy a request goes through, according to the environment, by the rules of Go programs
 * such as Ollama. `ALL_PROXY` is not read: Go ignores it as well.
 */

import { PullamaError } from "../../core/errors.ts";

export interface Proxy {
  readonly protocol: "http:" | "https:" | "socks5:" | "socks5h:";
  /** As in a URL: an IPv6 address is in brackets. */
  readonly host: string;
  readonly port: number;
  readonly login?: { readonly username: string; readonly password: string };
  /** The environment variable it was read from. */
  readonly variable: string;
}

/** The proxy for a request; undefined for a direct connection. */
export type ProxyFor = (url: URL) => Proxy | undefined;

const PORTS: Readonly<Record<Proxy["protocol"], number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
  "socks5h:": 1080,
};

const HINT =
  "use http://host:port or http://user:password@host:port, with special characters in the password " +
  "percent-encoded (@ as %40)";

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, also in lower case, from the environment `env`.
 * Requests to this machine are direct. Throws `usage` for an invalid value without quoting it: it
 * may hold a password.
 */
export function proxiesIn(env: (name: string) => string | undefined): ProxyFor {
  const secure = proxyIn(env, "HTTPS_PROXY");
  // In a CGI script, HTTP_PROXY is the "Proxy" header of the request, which any client can send.
  const plain = env("REQUEST_METHOD") ? undefined : proxyIn(env, "HTTP_PROXY");
  const [, exceptions = ""] = variable(env, "NO_PROXY") ?? [];
  const rules = exceptions.split(",").map((text) => ruleOf(text.trim().toLowerCase()));
  return (url) => {
    const proxy = url.protocol === "https:" ? secure : url.protocol === "http:" ? plain : undefined;
    if (!proxy) return undefined;
    const host = withoutBrackets(url.hostname);
    const ip = bytesOf(host);
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    if (host === "localhost" || isLoopback(ip)) return undefined;
    return rules.some((rule) => rule(host, port, ip)) ? undefined : proxy;
  };
}

/** "host:port", for messages. */
export function addressOf(proxy: Proxy): string {
  return `${proxy.host}:${proxy.port}`;
}

/** A host in the form that sockets take: without the brackets of a URL. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** The Proxy-Authorization header for a proxy; undefined if it has no login. */
export function basicLogin({ login }: Proxy): string | undefined {
  if (!login) return undefined;
  const bytes = new TextEncoder().encode(`${login.username}:${login.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Name and value of a variable that is not empty; upper case takes precedence. */
function variable(
  env: (name: string) => string | undefined,
  name: string,
): readonly [name: string, value: string] | undefined {
  for (const spelling of [name, name.toLowerCase()]) {
    const value = env(spelling)?.trim();
    if (value) return [spelling, value];
  }
  return undefined;
}

function proxyIn(
  env: (name: string) => string | undefined,
  upperCase: string,
): Proxy | undefined {
  const [name, value] = variable(env, upperCase) ?? [];
  return name === undefined || value === undefined ? undefined : parse(name, value);
}

/** The URL of a proxy; the scheme defaults to http. "@" only ends the credentials. */
const FORM =
  /^(?:([a-z][a-z0-9+.-]*):\/\/|(?!.*:\/\/))(?:([^/?#]*)@)?(\[[^\]]*\]|[^/?#:@[\]]+)(?::(\d{0,5}))?(?:[/?#][^@]*)?$/i;

function parse(variable: string, value: string): Proxy {
  const [, scheme = "http", user, name, digits] = FORM.exec(value) ?? [];
  const protocol = `${scheme.toLowerCase()}:`;
  if (!isProtocol(protocol)) {
    const message = `${variable} has an unsupported proxy scheme: ${protocol}//`;
    throw new PullamaError("usage", message, { hint: "use http, https or socks5" });
  }
  const host = name === undefined ? undefined : URL.parse(`http://${name}/`)?.hostname;
  const port = Number(digits || PORTS[protocol]);
  const login = user === undefined ? undefined : loginIn(user);
  if (!host || port < 1 || port > 65535 || (user !== undefined && !login)) {
    throw new PullamaError("usage", `${variable} is not a valid proxy URL`, { hint: HINT });
  }
  return { protocol, host, port, variable, ...(login && { login }) };
}

function isProtocol(text: string): text is Proxy["protocol"] {
  return Object.hasOwn(PORTS, text);
}

function loginIn(text: string): Proxy["login"] {
  const [, user = "", password = ""] = /^([^:]*):?(.*)$/.exec(text) ?? [];
  try {
    return { username: decodeURIComponent(user), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}

/** Whether an entry of NO_PROXY matches a host. */
type Rule = (host: string, port: string, ip: readonly number[] | undefined) => boolean;

function ruleOf(entry: string): Rule {
  if (entry === "*") return () => true;
  const [, network, length] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const prefix = bytesOf(network ?? "");
  if (prefix) return (_, __, ip) => isWithin(ip, prefix, Number(length));
  const [, name = entry, port = ""] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(entry) ?? [];
  const address = bytesOf(withoutBrackets(name));
  if (address) {
    return (_, at, ip) => isWithin(ip, address, address.length * 8) && (!port || at === port);
  }
  const bare = name.replace(/^\*?\./, "");
  if (bare === "") return () => false;
  const known = URL.parse(`http://${bare}/`)?.hostname ?? bare;
  return (host, at, ip) =>
    !ip && (host.endsWith(`.${known}`) || (bare === name && host === known)) &&
    (!port || at === port);
}

/** The 4 or 16 bytes of an IP address, 4 if it is IPv4-mapped IPv6; undefined for a name. */
function bytesOf(text: string): readonly number[] | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split(".").map(Number);
    return bytes.every((byte) => byte <= 255) ? bytes : undefined;
  }
  const canonical = text.includes(":") && URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  if (!canonical) return undefined;
  const [left = [], right = []] = canonical.split("::").map((half) =>
    half.split(":").filter((group) => group !== "").map((group) => parseInt(group, 16))
  );
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  const bytes = [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]);
  return isWithin(bytes, MAPPED, 96) ? bytes.slice(12) : bytes;
}

const MAPPED: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];

/** Whether the first `bits` bits of both are equal. */
function isWithin(
  ip: readonly number[] | undefined,
  network: readonly number[],
  bits: number,
): boolean {
  if (ip?.length !== network.length || bits > network.length * 8) return false;
  return network.every((byte, k) => {
    const left = Math.min(8, Math.max(0, bits - k * 8));
    return byte >> (8 - left) === ip[k]! >> (8 - left);
  });
}

function isLoopback(ip: readonly number[] | undefined): boolean {
  if (ip?.length === 4) return ip[0] === 127;
  return ip !== undefined && ip.every((byte, k) => byte === (k === 15 ? 1 : 0));
}
