/** Tests that need more than Deno. Where it is missing they are left out by name. */

/** What a test may need, and how to come by it. */
const NEEDS = {
  "a long time": () => Deno.env.get("PULLAMA_SOAK") ? undefined : "deno task soak",
  "a compiled program": () => Deno.env.get("PULLAMA_BIN") ? undefined : "PULLAMA_BIN",
  "docker-registry": () => realServer("/usr/bin/docker-registry"),
  nginx: () => realServer("/usr/sbin/nginx"),
  "a real Ollama": () => Deno.env.get("OLLAMA_BIN") ? undefined : "OLLAMA_BIN",
  root: () => Deno.build.os === "linux" && Deno.uid() === 0 ? undefined : "root on Linux",
} satisfies Record<string, () => string | undefined>;

export type Need = keyof typeof NEEDS;

/** Registers a test. Where something it needs is missing, its name says so and it is ignored. */
export function testWith(
  needs: readonly Need[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = needs.flatMap((need) => {
    const remedy = NEEDS[need]();
    return remedy === undefined ? [] : [`${need} (${remedy})`];
  });
  if (missing.length === 0) Deno.test(name, fn);
  else Deno.test.ignore(`${name} [left out, needs ${missing.join(" and ")}]`, fn);
}

function realServer(path: string): string | undefined {
  if (!Deno.env.get("PULLAMA_REAL")) return "deno task real";
  try {
    return Deno.statSync(path).isFile ? undefined : path;
  } catch {
    return path;
  }
}
