/** Which hosts a registry may send us to for a token, and which of them get credentials. */

/** Hosts of one service, each of which may be the token server of the other. Only on the default port. */
const SERVICES: readonly (readonly string[])[] = [
  ["registry.ollama.ai", "ollama.com"],
  ["hf.co", "huggingface.co"],
];

/**
 * `trusted`: signatures and passwords may be sent there. `foreign`: only anonymous requests for a
 * token. `plain`: it uses plain http although the registry does not.
 */
export type TokenHostTrust = "trusted" | "foreign" | "plain";

/**
 * How far `realm`, the token server of `registry`, is trusted; both are http or https. `named` are
 * hosts that the user trusts, with their port unless it is the default.
 */
export function tokenHostTrust(
  realm: URL,
  registry: URL,
  named: readonly string[],
): TokenHostTrust {
  if (realm.protocol === "http:" && registry.protocol !== "http:") return "plain";
  const known = [registry, ...named.map((host) => URL.parse(`${realm.protocol}//${host}`))];
  const isKnown = known.some((url) => url && authorityOf(url) === authorityOf(realm));
  return isKnown || areSameService(realm, registry) ? "trusted" : "foreign";
}

/**
 * Whether two origins belong to one service. Over plain http anyone in between may have named
 * either of them: then they do not.
 */
export function areSameService(a: URL, b: URL): boolean {
  return a.protocol === "https:" && b.protocol === "https:" &&
    SERVICES.some((hosts) => hosts.includes(a.host) && hosts.includes(b.host));
}

/** Host and port; the default port depends on the scheme. */
function authorityOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

/** Milliseconds: registries may not issue tokens for less. */
const SHORTEST_LIFE = 60_000;

/**
 * The token servers on other hosts that were asked in this run. Each model has one, which is asked
 * once, and again only for a token in place of one that is a minute old: a registry could otherwise
 * send any number of requests to a third host.
 */
export class ForeignTokenHosts {
  readonly #asked = new Map<string, { readonly origin: string; readonly again: number }>();

  /**
   * The token that `request` gets at `realm`, valid for at least a minute; undefined if it may not
   * be asked or has none. `model` tells the models of a registry, and registries, apart. A failure of
   * `request` does not count.
   */
  async token<T extends { readonly expires: number }>(
    model: string,
    realm: URL,
    now: () => number,
    request: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { origin } = realm;
    const asked = this.#asked.get(model);
    if (asked && (asked.origin !== origin || now() < asked.again)) return undefined;
    this.#asked.set(model, { origin, again: Infinity });
    try {
      const token = await request();
      if (!token) return undefined;
      const again = now() + SHORTEST_LIFE;
      this.#asked.set(model, { origin, again });
      return { ...token, expires: Math.max(token.expires, again) };
    } catch (error) {
      this.#asked.delete(model);
      throw error;
    }
  }
}
