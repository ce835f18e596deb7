/** The challenges of a WWW-Authenticate header. */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By lower-case name; of a repeated name, the first value. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface Challenges {
  /** The first four, in order, as far as they could be parsed. */
  readonly challenges: readonly Challenge[];
  /** Parsing failed; the rest of the header is unknown. */
  readonly broken: boolean;
}

/** Servers have one or two. */
const MAX_CHALLENGES = 4;

const SEPARATORS = /[\s,]*/y;
const WORD = /[!#$%&'*+.^_`|~\w-]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
/** More than a token: servers that omit the quotes also do so around URLs. */
const BARE = /[^\s,"]+/y;
/** What some schemes have instead of parameters. Unlike a name, it ends the challenge. */
const TOKEN68 = /[ \t]+[\w.~+/-]+=*(?=\s*(?:,|$))/y;

/**
 * Parses a WWW-Authenticate header, or several that were joined with commas. Never throws: an
 * invalid header is `broken`.
 */
export function parseChallenges(header: string): Challenges {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(header) ?? undefined;
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(SEPARATORS);
    if (at === header.length) return { challenges, broken: false };
    const word = take(WORD)?.[0].toLowerCase();
    if (word === undefined) return { challenges, broken: true };
    const current = challenges.at(-1);
    if (current && take(EQUALS)) {
      const value = take(QUOTED)?.[1]?.replaceAll(/\\([^])/g, "$1") ?? take(BARE)?.[0];
      if (value === undefined) return { challenges, broken: true };
      if (!current.parameters.has(word)) current.parameters.set(word, value);
      continue;
    }
    if (challenges.length === MAX_CHALLENGES) return { challenges, broken: false };
    challenges.push({ scheme: word, parameters: new Map() });
    take(TOKEN68);
    if (at < header.length && !/[\s,]/.test(header[at]!)) return { challenges, broken: true };
  }
}
