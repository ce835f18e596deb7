/** Names of repositories in OCI registries. */

/** One part between slashes. */
const PART = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;

/** The first part of a path that cannot be in the name of a repository. */
export function oddPart(parts: readonly string[]): string | undefined {
  return parts.find((part) => !PART.test(part));
}
