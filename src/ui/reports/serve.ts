/** What a server of models prints: where it is reached, one line for each request, and the end; or JSON lines. */

import type { ServedRequest, ServerEnd, ServerStart } from "../../core/reports/serve.ts";
import { formatSize } from "../../core/units.ts";
import { fit, glyphs } from "../terminal/draw.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../text/numbers.ts";
import { oneLine, redact, showable } from "../text/redact.ts";

type Screen = Pick<Terminal, "unicode">;

/** Names in one line at most. */
const MOST_NAMES = 10;
/** Columns of a path: those of a blob with a long name. Longer ones are no models. */
const MOST_PATH = 240;

/** Where it is reached, what it has, and how others use it. */
export function serverStartText(start: ServerStart, screen: Screen): string {
  const { modelsDir, urls, reach, offer } = start;
  const { served, withheld, incomplete } = offer;
  const [url = ""] = urls;
  const lines = [
    `serving ${modelsDir} at ${urls.join(", ")}`,
    served.length === 0
      ? "no complete model yet: what is pulled from now on is served too"
      : `${counted(served.length, "model")}: ${listed(served, screen)}`,
  ];
  if (incomplete.length > 0) {
    lines.push(`not complete, and not served: ${listed(incomplete, screen)}`);
  }
  if (withheld.length > 0) {
    lines.push(`maybe not public, and not served without --share: ${listed(withheld, screen)}`);
  }
  if (reach === "this machine") {
    lines.push("only this machine can reach it; for others: --listen 0.0.0.0");
  } else {
    lines.push(
      "everyone who can reach this address can download these models, without a password",
      `on another machine: pullama pull ${served[0] ?? "MODEL"} --mirror ${url}`,
    );
  }
  return lines.map((line) => `${showable(line)}\n`).join("");
}

/** Such as `192.168.1.7 GET /v2/library/m/blobs/sha256:… 206 1.2 MB 12 ms`. */
export function servedLine(request: ServedRequest, screen: Screen): string {
  const { client, method, path, status, bytes, complete, elapsedMs } = request;
  const end = complete ? "" : " broken off";
  const line = [client, method || "-", path || "-", status, formatSize(bytes)].join(" ");
  return `${cut(line, screen)} ${Math.round(elapsedMs)} ms${end}\n`;
}

export function serverEndText({ requests, bytes }: ServerEnd): string {
  return `stopped: ${counted(requests, "request")}, ${formatSize(bytes)} sent\n`;
}

export function serverStartEvent({ modelsDir, urls, reach, offer }: ServerStart) {
  return {
    event: "serve_start",
    ModelsDir: modelsDir,
    URLs: urls,
    Network: reach === "the network",
    Models: offer.served,
    Withheld: offer.withheld,
    Incomplete: offer.incomplete,
  };
}

export function servedEvent(request: ServedRequest) {
  const { client, method, path, status, bytes, complete, elapsedMs } = request;
  return {
    event: "served",
    Address: client,
    Method: method,
    Path: oneLine(redact(path)).slice(0, MOST_PATH),
    Status: status,
    Bytes: bytes,
    Complete: complete,
    ElapsedMs: Math.round(elapsedMs),
  };
}

export function serverEndEvent({ requests, bytes }: ServerEnd) {
  return { event: "serve_stop", Requests: requests, Bytes: bytes };
}

function listed(names: readonly string[], screen: Screen): string {
  const { ellipsis } = glyphs(screen.unicode);
  const shown = names.slice(0, MOST_NAMES);
  return shown.join(", ") + (shown.length < names.length ? `, ${ellipsis}` : "");
}

function cut(text: string, screen: Screen): string {
  return fit(showable(text), MOST_PATH, glyphs(screen.unicode));
}
