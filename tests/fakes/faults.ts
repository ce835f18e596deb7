/**
 * Faults of the fake registry's responses. A fault is a record, so that faults can be combined; the
 * functions below create the common ones.
 */

import type { LoggedRequest } from "./wire.ts";

export interface Fault {
  /** Delay before the first byte of the response; Infinity: until the client disconnects. */
  readonly delayMs?: number;
  /** Ends the connection instead of responding. */
  readonly hangUp?: "reset" | "close";
  /** Endless header lines, as fast as the rate allows. */
  readonly endlessHeaders?: boolean;
  /** Writes the whole response itself, head and all, and ends the connection. `write` returns false once it is closed. */
  readonly raw?: (write: (bytes: Uint8Array | string) => Promise<boolean>) => Promise<void>;

  /** Replaces the response by one with this status and body (default: empty). */
  readonly status?: number;
  readonly body?: string | Uint8Array;
  /** Header fields to add or, if undefined, to remove. They may be wrong. Names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;

  /** Transforms the lines of a list of chunks; each ends with "\n", and there is at least one. */
  readonly list?: (lines: readonly string[]) => readonly string[];

  /** Shortens the range to this number of bytes, with a matching Content-Range. */
  readonly atMost?: number;
  /** Sends the whole blob with status 200, ignoring the Range header. */
  readonly ignoreRange?: boolean;
  /** Sends the whole blob with status 200, compressed. */
  readonly gzip?: boolean;
  /** Flips the lowest bit of the byte at this offset of the blob. */
  readonly flipAt?: number;
  /** Sends the body with chunked transfer coding, without Content-Length. */
  readonly chunked?: boolean;
  /** Number of extra bytes after the body. */
  readonly extraBytes?: number;
  /** Ends or stalls the connection after this number of body bytes have reached the client. */
  readonly end?: { readonly after: number; readonly how: "reset" | "close" | "stall" };
  readonly bytesPerSecond?: number;
}

/**
 * Returns the fault for a request. `n` counts the requests of this phase for this path, from 1. The
 * response waits for a promise.
 */
export type FaultHook = (
  request: LoggedRequest,
  n: number,
) => Fault | undefined | Promise<Fault | undefined>;

/** The hooks of a registry; each can be set or deleted at any time. */
export interface Faults {
  manifest?: FaultHook | undefined;
  /** Requests for a blob at the registry, whether it responds with the bytes or with a redirect. */
  blob?: FaultHook | undefined;
  /** Requests for the bytes of a blob, on any server; called after `blob`. */
  data?: FaultHook | undefined;
  /** Requests for the chunks of a blob. */
  chunksums?: FaultHook | undefined;
  /** All other requests. */
  other?: FaultHook | undefined;
}

/** An error response of a registry. */
export function registryError(status: number, code: string, message: string): Fault {
  return jsonAnswer(status, { errors: [{ code, message, detail: {} }] });
}

export function jsonAnswer(status: number, value: unknown): Fault {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return { status, headers, body: JSON.stringify(value) };
}

/** The error page of a proxy or, with status 200, the login page of a captive portal. */
export function htmlPage(status = 200): Fault {
  const body =
    `<!DOCTYPE html>\n<html><head><title>Page</title></head><body>${status}</body></html>\n`;
  return { status, headers: { "content-type": "text/html; charset=UTF-8" }, body };
}

export function redirect(location: string, status = 307): Fault {
  return { status, headers: { location }, body: "<a>Temporary Redirect</a>\n" };
}

/** A 416 whose body is shorter than its Content-Length. */
export function lying416(size: number): Fault {
  const headers = { "content-range": `bytes */${size}`, "content-length": String(size) };
  return { status: 416, headers, body: "requested range not satisfiable\n" };
}

export function multipart(): Fault {
  return {
    status: 206,
    headers: { "content-type": "multipart/byteranges; boundary=b" },
    body:
      "--b\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-0/2\r\n\r\nx\r\n--b--",
  };
}

export function contentRange(value: string | undefined): Fault {
  return { headers: { "content-range": value } };
}

export function resetAfter(bytes: number): Fault {
  return { end: { after: bytes, how: "reset" } };
}

export function closeAfter(bytes: number): Fault {
  return { end: { after: bytes, how: "close" } };
}

export function stallAfter(bytes: number): Fault {
  return { end: { after: bytes, how: "stall" } };
}

/** `line` of a list of chunks with its range, first and last byte, replaced by `change`. */
function reranged(line: string, change: (first: number, last: number) => [number, number]): string {
  return line.replace(/(\d+)-(\d+)\n$/, (_, first, last) => {
    const range = change(Number(first), Number(last));
    return `${range.join("-")}\n`;
  });
}

/** `lines` with line `k`, counted from the end if negative, replaced by `change`. */
function exchanged(
  lines: readonly string[],
  k: number,
  change: (line: string) => readonly string[],
): readonly string[] {
  return lines.toSpliced(k, 1, ...change(lines.at(k)!));
}

/** Changes that make a list of chunks invalid. They need at least three lines. */
export const WRONG_LISTS = {
  "a gap": (lines) => exchanged(lines, 1, () => []),
  "a gap of one byte": (lines) =>
    exchanged(lines, 1, (line) => [reranged(line, (a, b) => [a + 1, b])]),
  "an overlap of one byte": (lines) =>
    exchanged(lines, 1, (line) => [reranged(line, (a, b) => [a - 1, b])]),
  "no beginning": (lines) => lines.slice(1),
  "no end": (lines) => lines.slice(0, -1),
  "an end one byte early": (lines) =>
    exchanged(lines, -1, (line) => [reranged(line, (a, b) => [a, b - 1])]),
  "an end one byte late": (lines) =>
    exchanged(lines, -1, (line) => [reranged(line, (a, b) => [a, b + 1])]),
  "a chunk that ends before it begins": (lines) =>
    exchanged(lines, 1, (line) => [reranged(line, (a, b) => [b, a])]),
  "a line twice": (lines) => exchanged(lines, 1, (line) => [line, line]),
  "a chunk of another algorithm": (lines) =>
    exchanged(lines, 1, (line) => [line.replace("sha256:", "sha512:")]),
  "a digest that is a digit short": (lines) =>
    exchanged(lines, 1, (line) => [line.replace(/. /, " ")]),
  "a digest in upper case": (lines) =>
    exchanged(lines, 1, (line) => [line.replace(/:.* /, (hex) => hex.toUpperCase())]),
  "a last line without its range": (lines) =>
    exchanged(lines, -1, (line) => [line.replace(/ .*/s, "")]),
  "a last line that breaks off in its range": (lines) =>
    exchanged(lines, -1, (line) => [line.slice(0, -2)]),
  "a range that is no number": (lines) =>
    exchanged(lines, 1, (line) => [line.replace(/\d+\n$/, "end\n")]),
  "a chunk below 64 KiB in the middle": (lines) =>
    exchanged(lines, 1, (line) => [
      reranged(line, (a) => [a, a + 65_534]),
      reranged(line, (a, b) => [a + 65_535, b]),
    ]),
  "no line at all": () => [],
} as const satisfies Record<string, NonNullable<Fault["list"]>>;

/** A list that covers the blob, with a wrong digest in each line. */
export function lyingList(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/[0-9a-f] /, (digit) => digit === "0 " ? "1 " : "0 "));
}
