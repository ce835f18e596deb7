import config from "../../deno.json" with { type: "json" };

/**
 * The version of the program. deno.json is the one place that has it; in a compiled program the commit it was
 * built from stands behind a plus: "0.1.0+889e821d94c1".
 */
export const VERSION: string = config.version;
