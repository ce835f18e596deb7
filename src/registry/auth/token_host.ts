/** Whom a registry may send us to for a token, and who of them learns who we are. */

/**
 * Hosts that belong together: each asks for tokens of the other. Only at the usual port, and over https
 * as any other.
 */
const FAMILIES: readonly (readonly string[])[] = [
  ["registry.ollama.ai", "ollama.com"],
  ["hf.co", "huggingface.co"],
];

/**
 * `trusted`: signatures and passwords may go there. `foreign`: a request for a token may, but nothing that
 * says who asks. `plain`: it is plain http though the registry is not.
 */
export type TokenHostTrust = "trusted" | "foreign" | "plain";

/** What the registry at `registry` may expect of us for `realm`; both are http or https. */
export function tokenHostTrust(realm: URL, registry: URL): TokenHostTrust {
  if (realm.protocol === "http:" && registry.protocol !== "http:") return "plain";
  return authorityOf(realm) === authorityOf(registry) || areSameService(realm.host, registry.host)
    ? "trusted"
    : "foreign";
}

/** Whether `a` and `b`, hosts with their port unless it is the usual one, are of one family. */
export function areSameService(a: string, b: string): boolean {
  return FAMILIES.some((family) => family.includes(a) && family.includes(b));
}

/** Host and port. Port 443 of https is not port 80 of http. */
function authorityOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}
