/** The responses of a registry, and faults applied to them. */

import { gzipSync } from "node:zlib";
import type { Range } from "../../src/core/ranges.ts";
import { type Content, held, wholeOf } from "./content.ts";
import type { Fault } from "./faults.ts";
import type { LoggedRequest, Reply } from "./wire.ts";

/** A response before range and fault are applied. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Content;
  /** Whether ranges are supported. */
  readonly ranges: boolean;
}

function plain(status: number, type: string, text: string): Answer {
  return { status, headers: { "content-type": type }, content: held(text), ranges: false };
}

export function textAnswer(status: number, text: string): Answer {
  return plain(status, "text/plain; charset=utf-8", text);
}

/** An error response of a registry. */
export function errorAnswer(status: number, code: string, message: string): Answer {
  const body = JSON.stringify({ errors: [{ code, message, detail: {} }] });
  return plain(status, "application/json; charset=utf-8", body);
}

/** An error response of an object store. */
export function storeError(status: number, code: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`;
  return plain(status, "application/xml", body);
}

export function redirectAnswer(location: string): Answer {
  const answer = plain(307, "text/html; charset=utf-8", "<a>Temporary Redirect</a>\n");
  return { ...answer, headers: { ...answer.headers, location } };
}

export function blobAnswer(content: Content, digest?: string): Answer {
  const headers = {
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    ...(digest ? { "docker-content-digest": digest, etag: `"${digest}"` } : {}),
  };
  return { status: 200, headers, content, ranges: true };
}

/** The response to one request, with its range and the fault applied. */
export function reply(request: LoggedRequest, answer: Answer, fault: Fault): Reply {
  if (fault.status !== undefined || fault.body !== undefined) {
    const content = held(fault.body ?? "");
    const { status = answer.status } = fault;
    return { status, headers: {}, content, range: { start: 0, end: content.size }, fault };
  }
  if (fault.gzip) {
    const content = held(new Uint8Array(gzipSync(wholeOf(answer.content))));
    const headers = { ...answer.headers, "content-encoding": "gzip" };
    return { status: 200, headers, content, range: { start: 0, end: content.size }, fault };
  }
  const { size } = answer.content;
  const asked = answer.ranges && !fault.ignoreRange ? request.range : undefined;
  if (asked && (asked.start >= size || asked.end <= asked.start)) {
    const content = held("requested range not satisfiable\n");
    const headers = { "content-range": `bytes */${size}` };
    return { status: 416, headers, content, range: { start: 0, end: content.size }, fault };
  }
  if (asked) {
    const range = cut(asked, size, fault.atMost);
    const headers = { ...answer.headers, "content-range": written(range, size) };
    return { status: 206, headers, content: answer.content, range, fault };
  }
  const { status, content } = answer;
  const { "accept-ranges": ranges, ...others } = answer.headers;
  const headers = ranges && !fault.ignoreRange ? answer.headers : others;
  return { status, headers, content, range: { start: 0, end: size }, fault };
}

function cut(asked: Range, size: number, atMost = Infinity): Range {
  return { start: asked.start, end: Math.min(asked.end, size, asked.start + atMost) };
}

function written(range: Range, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}
