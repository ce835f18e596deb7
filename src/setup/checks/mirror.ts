/** Checks mirrors: whether they respond as a registry does, and have the model. None is needed where there is another source. */

import { shortId } from "../../core/digest.ts";
import { asPullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import { discard, type Http } from "../../registry/http/http.ts";
import type { Mirror } from "../../transfer/sources/mirror.ts";
import type { Finding, Step } from "./run.ts";

export interface MirrorChecks {
  readonly name: ModelName;
  readonly mirrors: readonly Pick<Mirror, "url" | "source">[];
  readonly http: Pick<Http, "get">;
}

const REMEDY = "a pull uses the other sources: check that mirror, or remove it";

/** A step `mirror` for each of them. */
export function mirrorSteps({ name, mirrors, http }: MirrorChecks): Step[] {
  return mirrors.map(({ url, source }): Step => ({
    name: "mirror",
    late: `no response from ${url}`,
    remedy: REMEDY,
    async check(signal) {
      try {
        const { digest } = await source.manifest(name, signal);
        return { found: [url, `has the model, ${shortId(digest)}`] };
      } catch (caught) {
        signal.throwIfAborted();
        const { kind, message, hint } = asPullamaError(caught);
        if (kind === "not_found") return await lacking(url, http, signal);
        return { found: [url, message], warning: hint ?? REMEDY };
      }
    },
  }));
}

/** Any web server responds with 404: a registry has a page of its own at the root of its API. */
async function lacking(
  url: string,
  http: Pick<Http, "get">,
  signal: AbortSignal,
): Promise<Finding> {
  const response = await http.get(new URL("/v2/", url), { signal });
  await discard(response);
  if (response.ok || response.status === 401) {
    return { found: [url, "does not have this model"] };
  }
  return {
    found: [url, `is no registry: it responds to /v2/ with ${response.status}`],
    warning: REMEDY,
  };
}
