/**
 * Which proxy a request goes through, as the environment says it, by the rules of programs in Go, of which
 * Ollama is one. `ALL_PROXY` is not read: they do not know it either.
 */

import { PullamaError } from "../../core/errors.ts";

export interface Proxy {
  readonly protocol: "http:" | "https:" | "socks5:" | "socks5h:";
  /** As the URL parser writes it: an IPv6 address has brackets. */
  readonly host: string;
  readonly port: number;
  readonly login?: { readonly username: string; readonly password: string };
  /** The environment variable that names it. */
  readonly variable: string;
}

/** The proxy for a request; undefined where it goes directly. */
export type ProxyFor = (url: URL) => Proxy | undefined;

const PORTS: Readonly<Record<Proxy["protocol"], number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
  "socks5h:": 1080,
};

const HINT =
  "it should look like http://host:port, with user:password@ in front of the host if need be, where " +
  "special characters of the password are written as %40 and the like";

/**
 * The rules in the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment `env`, or in those of
 * the same name in lower case. Requests to this machine go directly. Throws `usage` for a variable that
 * names no proxy, without its value: there may be a password in it.
 */
export function proxiesIn(env: (name: string) => string | undefined): ProxyFor {
  const secure = named(env, "HTTPS_PROXY");
  // Of a web server's script it is no variable but a header of the request, which anybody may send.
  const plain = env("REQUEST_METHOD") ? undefined : named(env, "HTTP_PROXY");
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

/** "host:port", to be shown. */
export function addressOf(proxy: Proxy): string {
  return `${proxy.host}:${proxy.port}`;
}

/** A host as sockets take it: brackets are for URLs. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** What a header says to a proxy with a log-in; undefined if there is none. */
export function basicLogin({ login }: Proxy): string | undefined {
  if (!login) return undefined;
  const bytes = new TextEncoder().encode(`${login.username}:${login.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Name and value of a variable that is not empty; the name in capitals comes first. */
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

function named(env: (name: string) => string | undefined, what: string): Proxy | undefined {
  const [name, value] = variable(env, what) ?? [];
  return name === undefined || value === undefined ? undefined : parse(name, value);
}

/** As much of a URL as a proxy is named with; without a scheme it is http. An "@" ends a user, nothing else. */
const FORM =
  /^(?:([a-z][a-z0-9+.-]*):\/\/|(?!.*:\/\/))(?:([^/?#]*)@)?(\[[^\]]*\]|[^/?#:@[\]]+)(?::(\d{0,5}))?(?:[/?#][^@]*)?$/i;

function parse(variable: string, value: string): Proxy {
  const [, scheme = "http", user, name, digits] = FORM.exec(value) ?? [];
  const protocol = `${scheme.toLowerCase()}:`;
  if (!isProtocol(protocol)) {
    const message = `${variable} names a proxy of an unknown kind: ${protocol}//`;
    throw new PullamaError("usage", message, { hint: "http, https and socks5 are known" });
  }
  const host = name === undefined ? undefined : URL.parse(`http://${name}/`)?.hostname;
  const port = Number(digits || PORTS[protocol]);
  const login = user === undefined ? undefined : loginIn(user);
  if (!host || port < 1 || port > 65535 || (user !== undefined && !login)) {
    throw new PullamaError("usage", `${variable} does not name a proxy`, { hint: HINT });
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

/** Whether an entry of NO_PROXY is about a host. */
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

/** The 4 or 16 bytes of an address; an IPv4 address in the form of an IPv6 one has 4. Undefined for a name. */
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

/** Whether the first `bits` of both are the same. */
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
