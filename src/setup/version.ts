import config from "../../deno.json" with { type: "json" };

/**
 * The version of the program, from deno.json. A compiled program has its commit after a plus sign:
 * "0.1.0+889e821d94c1".
 */
export const VERSION: string = config.version;

/** The writer that checkpoints name. */
export const TOOL: string = `pullama/${VERSION}`;

/**
 * The User-Agent, or PULLAMA_USER_AGENT of `env`: never `ollama/…`, for which the registry responds differently.
 */
export function userAgent(env: (name: string) => string | undefined): string {
  return env("PULLAMA_USER_AGENT") ?? `${TOOL} (${Deno.build.arch} ${Deno.build.os})`;
}
