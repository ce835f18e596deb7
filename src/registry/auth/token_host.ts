/** Which hosts a registry may send us to for a token, and which of them get credentials. */

/**
 * Hosts of one service, each of which may be the token server of the other. Only on the default
 * port, and over https like any other.
 */
const SERVICES: readonly (readonly string[])[] = [
  ["registry.ollama.ai", "ollama.com"],
  ["hf.co", "huggingface.co"],
];

/**
 * `trusted`: signatures and passwords may be sent there. `foreign`: only anonymous requests for a
 * token. `plain`: it uses plain http although the registry does not.
 */
export type TokenHostTrust = "trusted" | "foreign" | "plain";

/** How far `realm`, the token server of `registry`, is trusted; both are http or https. */
export function tokenHostTrust(realm: URL, registry: URL): TokenHostTrust {
  if (realm.protocol === "http:" && registry.protocol !== "http:") return "plain";
  return authorityOf(realm) === authorityOf(registry) || areSameService(realm.host, registry.host)
    ? "trusted"
    : "foreign";
}

/** Whether `a` and `b`, hosts with their port unless it is the default, belong to one service. */
export function areSameService(a: string, b: string): boolean {
  return SERVICES.some((hosts) => hosts.includes(a) && hosts.includes(b));
}

/** Host and port; the default port depends on the scheme. */
function authorityOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}
