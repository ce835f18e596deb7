import config from "../../deno.json" with { type: "json" };

/** The version of the program; deno.json is the one place that has it. */
export const VERSION: string = config.version;
