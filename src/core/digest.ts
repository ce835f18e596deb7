/** Content digests: `sha256:` and 64 lower-case hex digits, nothing else. */

export type Digest = `sha256:${string}`;

/** The digest of zero bytes: the only blob of size 0. */
export const EMPTY_DIGEST: Digest =
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a digest that is safe to use in paths and URLs. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && PATTERN.test(text);
}

/** A digest from the 64 hex digits of a SHA-256. */
export function digestOf(hex: string): Digest {
  return `sha256:${hex}`;
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The first 12 hex digits, which `ollama list` and pullama's own output show as the ID. */
export function shortId(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}
