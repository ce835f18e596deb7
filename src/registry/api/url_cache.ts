/** A cache of the signed URLs that registries redirected blobs to in this run. */

/** Milliseconds that a URL without a known expiry is used. */
const DEFAULT_LIFE = 5 * 60_000;
/** Milliseconds: a URL is not used in its last minute, which leaves time for the request. */
const MARGIN = 60_000;

/**
 * The keys are the registry's own URLs of blobs. In memory only: a signed URL is a secret, and
 * short-lived.
 */
export class UrlCache {
  readonly #known = new Map<string, { readonly url: URL; readonly expires: number }>();
  readonly #now: () => number;

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The URL of a blob, if one is known that is valid for another minute. */
  get(home: string): URL | undefined {
    const known = this.#known.get(home);
    return known && known.expires - MARGIN >= this.#now() ? known.url : undefined;
  }

  set(home: string, url: URL): void {
    this.#known.set(home, { url, expires: expiryOf(url, this.#now()) });
  }

  /** Forgets `url`, which failed, unless another one was stored meanwhile; without `url`, any. */
  drop(home: string, url?: URL): void {
    if (!url || this.#known.get(home)?.url.href === url.href) this.#known.delete(home);
  }
}

/**
 * When a URL expires, in milliseconds since 1970, according to its signature for S3, Google Cloud
 * Storage or CloudFront, or to its Hugging Face token. Five minutes from `now` if it has none of
 * these.
 */
export function expiryOf(url: URL, now: number): number {
  const query = url.searchParams;
  return signedExpiry(query, "X-Amz") ?? signedExpiry(query, "X-Goog") ??
    seconds(query.get("Expires")) ?? tokenExpiry(query.get("__sign")) ?? now + DEFAULT_LIFE;
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

/** The `exp` of a JSON Web Token, whose signature is not verified. */
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
