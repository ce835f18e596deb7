import config from "../../deno.json" with { type: "json" };

/**
 * The version of the program. deno.json is the one place that has it; in a compiled program the commit it was
 * built from stands behind a plus: "0.1.0+889e821d94c1".
 */
export const VERSION: string = config.version;

/** What checkpoints say of who wrote them. */
export const TOOL: string = `pullama/${VERSION}`;

/**
 * Who we say we are, unless PULLAMA_USER_AGENT of `env` says otherwise: never `ollama/…`, which the registry
 * treats in a way of its own.
 */
export function userAgent(env: (name: string) => string | undefined): string {
  return env("PULLAMA_USER_AGENT") ?? `${TOOL} (${Deno.build.arch} ${Deno.build.os})`;
}
