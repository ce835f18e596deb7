/** The head of an HTTP/1 request (RFC 9112), read strictly: what two programs could read differently is refused. */

export interface Request {
  readonly method: string;
  /** As sent: a path with an optional query. */
  readonly target: string;
  /** By names in lower case. A field that is sent several times is one list. */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the connection may be used for another request. */
  readonly keepAlive: boolean;
}

/** Why a head is refused: a status code, and what is wrong. The connection cannot be used afterwards. */
export interface Refused {
  readonly status: 400 | 431 | 501 | 505;
  readonly reason: string;
}

/** Bytes of a head at most: a path of 64 KiB, which no model has, and 16 KiB of fields. */
export const MOST_HEAD: number = 80 * 1024;
const MOST_FIELDS = 100;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a path may consist of; everything else has to be percent-encoded. */
const TARGET = /^\/[!-~]*$/;
const VALUE = /^[\t -~\x80-\xff]*$/;
/** Two of these would let a cache in between and this server disagree. */
const SINGLE = ["host", "content-length", "transfer-encoding", "range", "if-range"];

/** Whether a head may begin so: a client that begins with TLS waits for an answer, before it tries without. */
export function mayBegin(byte: number | undefined): boolean {
  return byte === undefined || TOKEN.test(String.fromCharCode(byte));
}

/** Where the head in `bytes` ends, after its empty line; undefined: it is not complete yet. */
export function headEnd(bytes: Uint8Array, from = 0): number | undefined {
  for (let at = Math.max(0, from); (at = bytes.indexOf(13, at)) !== -1; at++) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return undefined;
}

/** Parses a complete head with its empty line. */
export function parseRequest(bytes: Uint8Array): Request | Refused {
  const text = latin1(bytes.subarray(0, -4));
  const [first = "", ...lines] = text.split("\r\n");
  const [method = "", target = "", version = "", ...more] = first.split(" ");
  if (more.length > 0 || !TOKEN.test(method)) return bad("the request line is malformed");
  if (!/^HTTP\/\d\.\d$/.test(version)) return bad("the request line is malformed");
  if (!/^HTTP\/1\.[01]$/.test(version)) {
    return { status: 505, reason: "only HTTP/1 is spoken here" };
  }
  if (!TARGET.test(target)) return bad("the target of the request is not a path");
  if (lines.length > MOST_FIELDS) return { status: 431, reason: "too many header fields" };
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(":");
    const name = line.slice(0, at).toLowerCase();
    const value = withoutBlanks(line.slice(at + 1));
    if (at < 1 || !TOKEN.test(name) || !VALUE.test(value)) return bad("a header is malformed");
    const before = headers.get(name);
    if (before !== undefined && SINGLE.includes(name)) return bad(`there are two of ${name}`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const problem = problemOf(headers, version);
  if (problem) return problem;
  const connection = (headers.get("connection") ?? "").toLowerCase().split(/[\s,]+/);
  // A client of HTTP/1.0 counts on the end of the connection, unless it is told otherwise.
  const keepAlive = version === "HTTP/1.1" && !connection.includes("close");
  return { method, target, headers, keepAlive };
}

function problemOf(headers: ReadonlyMap<string, string>, version: string): Refused | undefined {
  if (!headers.has("host") && version === "HTTP/1.1") return bad("there is no Host header");
  // Nothing that is served takes a body, and what is left of one must not count as the next request.
  if (headers.has("transfer-encoding")) {
    return { status: 501, reason: "requests with a body are not accepted" };
  }
  const length = headers.get("content-length");
  return length === undefined || /^0+$/.test(length)
    ? undefined
    : bad("requests with a body are not accepted");
}

/** Without spaces and tabs around it. A line break at an edge is part of the value, and makes it malformed. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  const isBlank = (at: number) => text[at] === " " || text[at] === "\t";
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}

function bad(reason: string): Refused {
  return { status: 400, reason };
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  const piece = 8192;
  for (let at = 0; at < bytes.length; at += piece) {
    text += String.fromCharCode(...bytes.subarray(at, at + piece));
  }
  return text;
}
