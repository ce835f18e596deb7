/** Where the blobs of this run really are: the signed addresses that a registry has redirected to. */

/** Milliseconds. What tells nothing about its end is trusted for so long. */
const USUAL_LIFE = 5 * 60_000;
/** An address is not used in its last minute: a request takes its time. */
const MARGIN = 60_000;

/**
 * By the address that the registry itself has for a blob. Remembered in memory only: the address behind it
 * is a secret, and short-lived.
 */
export class UrlCache {
  readonly #known = new Map<string, { readonly url: URL; readonly expires: number }>();
  readonly #now: () => number;

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The address of a blob, if one is known that is good for another minute. */
  get(home: string): URL | undefined {
    const known = this.#known.get(home);
    return known && known.expires - MARGIN >= this.#now() ? known.url : undefined;
  }

  set(home: string, url: URL): void {
    this.#known.set(home, { url, expires: expiryOf(url, this.#now()) });
  }

  /** Forgets the address that has failed, unless a better one has been found meanwhile; without `url` any. */
  drop(home: string, url?: URL): void {
    if (!url || this.#known.get(home)?.url.href === url.href) this.#known.delete(home);
  }
}

/**
 * When an address ceases to work, in milliseconds since 1970, as it says itself: as signed for S3 or
 * Google's store, for CloudFront, or with Hugging Face's token. Five minutes from `now` if it says nothing.
 */
export function expiryOf(url: URL, now: number): number {
  const query = url.searchParams;
  return signedExpiry(query, "X-Amz") ?? signedExpiry(query, "X-Goog") ??
    seconds(query.get("Expires")) ?? tokenExpiry(query.get("__sign")) ?? now + USUAL_LIFE;
}

function signedExpiry(query: URLSearchParams, prefix: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get(`${prefix}-Date`) ?? "");
  const life = seconds(query.get(`${prefix}-Expires`));
  if (!parts || life === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(
    Number,
  );
  return Date.UTC(year, month - 1, day, hour, minute, second) + life;
}

function seconds(text: string | null): number | undefined {
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** The `exp` of a JSON web token, whose signature is not ours to check. */
function tokenExpiry(token: string | null): number | undefined {
  const payload = token?.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims?.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
