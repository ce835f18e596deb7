/**
 * How an answer of the fake registry goes wrong. A fault is a record, so that faults combine; the
 * functions below give the usual ones their names.
 */

import type { LoggedRequest } from "./wire.ts";

export interface Fault {
  /** Silence before the first byte of the answer; Infinity lasts until the client goes. */
  readonly delayMs?: number;
  /** No answer at all: the connection ends instead. */
  readonly hangUp?: "reset" | "close";
  /** Header lines without an end, as fast as the rate allows. */
  readonly endlessHeaders?: boolean;

  /** Another answer than the right one, with this body (empty if not given). */
  readonly status?: number;
  readonly body?: string | Uint8Array;
  /** Header fields that are added or, with undefined, left out. They may lie. Names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;

  /** What becomes of the lines of a list of chunks; each ends with "\n", and there is at least one. */
  readonly list?: (lines: readonly string[]) => readonly string[];

  /** A partial answer of at most so many bytes, and honest about it. */
  readonly atMost?: number;
  /** The whole blob with status 200, whatever was asked. */
  readonly ignoreRange?: boolean;
  /** The whole blob with status 200, compressed. */
  readonly gzip?: boolean;
  /** The lowest bit of the byte at this offset of the blob is the wrong one. */
  readonly flipAt?: number;
  /** The body goes out in chunked coding, without a length. */
  readonly chunked?: boolean;
  /** So many more bytes of body than there should be. */
  readonly extraBytes?: number;
  /** After so many body bytes, which have all reached the client, the connection ends or falls silent. */
  readonly end?: { readonly after: number; readonly how: "reset" | "close" | "stall" };
  readonly bytesPerSecond?: number;
}

/**
 * Decides about one request. `n` counts the requests of this phase for this path, from 1. It may return a
 * promise: the answer waits for it.
 */
export type FaultHook = (
  request: LoggedRequest,
  n: number,
) => Fault | undefined | Promise<Fault | undefined>;

/** The hooks of a registry, each of which may be set or deleted at any time. */
export interface Faults {
  manifest?: FaultHook | undefined;
  /** Requests at the registry's address of a blob, whether it answers with the bytes or with a redirect. */
  blob?: FaultHook | undefined;
  /** Requests that are answered with bytes of a blob, on whichever server; asked after `blob`. */
  data?: FaultHook | undefined;
  /** Requests for the chunks of a blob. */
  chunksums?: FaultHook | undefined;
  /** Requests for anything else. */
  other?: FaultHook | undefined;
}

/** An error as registries word it. */
export function registryError(status: number, code: string, message: string): Fault {
  return jsonAnswer(status, { errors: [{ code, message, detail: {} }] });
}

export function jsonAnswer(status: number, value: unknown): Fault {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return { status, headers, body: JSON.stringify(value) };
}

/** The error page of a proxy, or a captive portal's login page when the status is 200. */
export function htmlPage(status = 200): Fault {
  const body =
    `<!DOCTYPE html>\n<html><head><title>Page</title></head><body>${status}</body></html>\n`;
  return { status, headers: { "content-type": "text/html; charset=UTF-8" }, body };
}

export function redirect(location: string, status = 307): Fault {
  return { status, headers: { location }, body: "<a>Temporary Redirect</a>\n" };
}

/** 416 with a short text under a length that never comes. */
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

/** A range of a line of a list of chunks, as the first and the last byte, after `change` was done to it. */
function reranged(line: string, change: (first: number, last: number) => [number, number]): string {
  return line.replace(/(\d+)-(\d+)\n$/, (_, first, last) => {
    const range = change(Number(first), Number(last));
    return `${range.join("-")}\n`;
  });
}

/** `lines` with something else in place of line `k`; from the end if negative. */
function exchanged(
  lines: readonly string[],
  k: number,
  change: (line: string) => readonly string[],
): readonly string[] {
  return lines.toSpliced(k, 1, ...change(lines.at(k)!));
}

/** Lists of chunks that do not say what a blob is made of, made of right ones of at least three lines. */
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

/** A list that tiles the blob, with a wrong digest in each line. */
export function lyingList(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/[0-9a-f] /, (digit) => digit === "0 " ? "1 " : "0 "));
}
