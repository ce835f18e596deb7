/** Where a server listens, and what others call that place. */

import { addressKind, bracketed } from "../../core/address.ts";
import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";

export interface Address {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export const DEFAULT_PORT = 11435;

const SHAPE = "write address:port, such as 127.0.0.1:11435, 0.0.0.0:11435 for all addresses, " +
  "or [::1]:11435";

/** Parses `host`, `host:port`, `[IPv6]:port` or `:port`, which is all addresses. Throws `usage`. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain = "", port] =
    /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  const host = bracketed ?? plain;
  const valid = text !== "" && number <= 65_535 && (host !== "" || port !== undefined) &&
    !/^\d+$/.test(host) &&
    URL.canParse(`http://${bracketed ? `[${host.replace(/%.*/, "")}]` : host || "x"}/`);
  if (!valid) {
    throw new PullamaError("usage", `${quoted(text)} is no address to listen at`, { hint: SHAPE });
  }
  return { host: host === "" ? "0.0.0.0" : host, port: number };
}

/** Listens. Rejects with kind local where that is not possible. */
export function listenAt({ host, port }: Address): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: host, port });
  } catch (error) {
    throw listenError(error, host, port);
  }
}

function listenError(error: unknown, host: string, port: number): PullamaError {
  const place = joined(host, port);
  const say = (reason: string, hint: string) =>
    new PullamaError("local", `cannot listen at ${place}: ${reason}`, { hint, cause: error });
  if (error instanceof Deno.errors.AddrInUse) {
    return say("another program uses the port", `for any free one: --listen ${joined(host, 0)}`);
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return say("it is no address of this machine", "--listen 0.0.0.0 is all of its addresses");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return say("permission denied", `use a port from 1024 on, such as ${DEFAULT_PORT}`);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return say(reason.replace(/ \(os error \d+\)/, ""), SHAPE);
}

/** Names of this machine that lead to it from elsewhere, and to itself. */
export function ownNames(): readonly string[] {
  const own = ["localhost", "127.0.0.1", "::1", ...interfaces()];
  try {
    const name = Deno.hostname();
    const short = name.replace(/\..*$/, "");
    return name === "" ? own : [...own, name, short, `${short}.local`];
  } catch {
    return own;
  }
}

/** URLs of a server, by the address that it listens at as the system knows it: the best for other machines first. */
export function urlsOf({ host, port }: Address, hostname: string): readonly string[] {
  if (addressKind(hostname) !== "unspecified") return [`http://${joined(host, port)}`];
  const family = hostname.includes(":") ? () => true : (address: string) => !address.includes(":");
  const found = interfaces().filter(family);
  const outside = found.filter((address) =>
    !["loopback", "link_local"].includes(addressKind(address))
  );
  const own = hostname.includes(":") ? "::1" : "127.0.0.1";
  return [...outside.toSorted(ipv4First), own].map((address) => `http://${joined(address, port)}`);
}

export function reachOf(hostname: string): "this machine" | "the network" {
  return addressKind(hostname) === "loopback" ? "this machine" : "the network";
}

function ipv4First(a: string, b: string): number {
  return Number(a.includes(":")) - Number(b.includes(":"));
}

/** None where that is not permitted. */
function interfaces(): readonly string[] {
  try {
    return [...new Set(Deno.networkInterfaces().map(({ address }) => address))];
  } catch {
    return [];
  }
}

function joined(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
}
