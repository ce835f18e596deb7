/** What a registry wants to see before it answers: the challenges of its WWW-Authenticate header. */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By their names in lower case; the first of two with one name. */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface Challenges {
  /** In their order, as far as they could be read. */
  readonly challenges: readonly Challenge[];
  /** Something could not be read; what follows it is unknown. */
  readonly broken: boolean;
}

const SEPARATORS = /[\s,]*/y;
const WORD = /[!#$%&'*+.^_`|~\w-]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
/** Not only a token, as it should be: who forgets the quotes forgets them around an address as well. */
const BARE = /[^\s,"]+/y;
/** What some schemes have in place of parameters. It ends the challenge, other than a name. */
const TOKEN68 = /[ \t]+[\w.~+/-]+=*(?=\s*(?:,|$))/y;

/**
 * Reads a WWW-Authenticate header, or several that were joined with commas. Never fails: a header that
 * cannot be read is `broken`.
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
    challenges.push({ scheme: word, parameters: new Map() });
    take(TOKEN68);
    if (at < header.length && !/[\s,]/.test(header[at]!)) return { challenges, broken: true };
  }
}
