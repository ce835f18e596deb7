/** The head of an HTTP/1.1 response. */

import { type Answer, busy } from "./answer.ts";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  304: "Not Modified",
  307: "Temporary Redirect",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  416: "Range Not Satisfiable",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** `keep`: the connection stays open. */
export function headOf(status: number, headers: Answer["headers"], keep: boolean): Uint8Array {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`,
    `Date: ${new Date().toUTCString()}`,
    "Docker-Distribution-API-Version: registry/2.0",
    "X-Content-Type-Options: nosniff",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...("Content-Length" in headers || status === 304 ? [] : ["Content-Length: 0"]),
    ...(keep ? [] : ["Connection: close"]),
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A complete answer for a connection that is not taken. */
export function refusedConnection(): Uint8Array {
  const { status, headers, body } = busy("there are too many connections");
  return joined(headOf(status, headers, false), body as Uint8Array);
}

export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}
