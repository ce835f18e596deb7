/**
 * Responses that no HTTP server sends, and such that decompress to very much, in every phase of a pull and in the page
 * of an error: a pull ends soon, with the right bytes or one sentence, in little memory.
 */

import assert from "node:assert/strict";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { closeAfter, type Fault, redirect } from "../fakes/faults.ts";
import { fileWith, KEY } from "../registry/auth/keys.ts";
import { MIB } from "../transfer/world.ts";
import { type Lie, PHASES, survive } from "./lying.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
/** Bytes a second of what never ends, so that a registry has not sent more than it may when it is left. */
const RATE = 4 * MIB;

/** `head`, and then `piece` for ever. */
function endless(head: string, piece: string, bytesPerSecond = RATE): Fault {
  const pieces = piece.repeat(Math.max(1, Math.floor(bytesPerSecond / 50 / piece.length)));
  return {
    bytesPerSecond,
    raw: async (write) => {
      let open = head === "" || await write(head);
      while (open) open = await write(pieces);
    },
  };
}

const once = (text: string): Fault => ({
  raw: async (write) => {
    await write(text);
  },
});

const ZEROS = new Uint8Array(64 * MIB);

/** Far more bytes than any response that is read, in few. */
const BOMBS = {
  gzip: () => new Uint8Array(gzipSync(ZEROS)),
  br: () =>
    new Uint8Array(brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })),
  /** Frame header for a window of 128 KiB, and blocks that each repeat one byte: 1.25 GiB in 40 kB. */
  zstd: () => {
    const block = (last: boolean) => {
      const head = (131_072 << 3) | (1 << 1) | (last ? 1 : 0);
      return [head & 255, (head >> 8) & 255, (head >> 16) & 255, 0];
    };
    const blocks = Array.from({ length: 10_000 }, (_, i) => block(i === 9999)).flat();
    return new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38, ...blocks]);
  },
};
const made = new Map<keyof typeof BOMBS, Uint8Array>();

function bomb(coding: keyof typeof BOMBS, status: number, told = true): Fault {
  const body = made.get(coding) ?? BOMBS[coding]();
  made.set(coding, body);
  return { status, body, headers: told ? { "content-encoding": coding } : {} };
}

const HUGE = "a".repeat(2 * MIB);

const WIRE: Readonly<Record<string, Lie>> = {
  "interim responses without end": () => endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
  "early hints without end": () => endless("", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
  "one header field that never ends": () => endless(`${OK}x-more: `, "m"),
  "a reason phrase that never ends": () => endless("HTTP/1.1 200 ", "K"),
  "headers that come a byte at a time": () => endless(OK, "x", 20),
  "chunks of one byte without end": () => endless(CHUNKED, "1\r\nx\r\n"),
  "a chunk size that never ends": () => endless(CHUNKED, "0"),
  "a chunk extension that never ends": () => endless(`${CHUNKED}5;`, "a"),
  "trailers without end": () => endless(`${CHUNKED}0\r\n`, "x-more: m\r\n"),
  "a chunk larger than any": () => once(`${CHUNKED}ffffffffffffffffff\r\nabc`),
  "a chunk of a negative size": () => once(`${CHUNKED}-5\r\nabcde\r\n0\r\n\r\n`),
  "a body without a head": () => once('{"schemaVersion":2}'),
  "another protocol": () => once("SSH-2.0-OpenSSH_9.6\r\n"),
  "another version of HTTP": () => once("HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
  "a status that is none": () => once("HTTP/1.1 9999 OK\r\ncontent-length: 2\r\n\r\n{}"),
  "a zero byte in a header": () => once(`${OK}x: a\0b\r\ncontent-length: 2\r\n\r\n{}`),
  "a length and chunks": () =>
    once(`${OK}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`),
  "a negative length": () => once(`${OK}content-length: -1\r\n\r\n{}`),
  "2 MiB of header": () => once(`${OK}x: ${HUGE}\r\ncontent-length: 2\r\n\r\n{}`),
  "redirects without end": ({ path }, _, n) => redirect(`${path}?n=${n}`),
  "a redirect to an address of 2 MiB": ({ path }) => redirect(`${path}?${HUGE}`),
  "a redirect whose page never ends": (_, __, n) => ({
    ...redirect(`/elsewhere/${n}`),
    chunked: true,
    extraBytes: 1e12,
    bytesPerSecond: RATE,
  }),
  "a gzip bomb": () => bomb("gzip", 200),
  "a brotli bomb": () => bomb("br", 200),
  "a zstd bomb": () => bomb("zstd", 200),
  "a gzip bomb that is not said to be one": () => bomb("gzip", 200, false),
};

/** The page of an error. */
const PAGES: Readonly<Record<string, (status: number) => Fault>> = {
  "that never ends": (status) => ({
    ...page(status),
    chunked: true,
    extraBytes: 1e12,
    bytesPerSecond: RATE,
  }),
  "of chunks of one byte without end": (status) =>
    endless(`HTTP/1.1 ${status} No\r\ntransfer-encoding: chunked\r\n\r\n`, "1\r\nx\r\n"),
  "that comes a byte at a time": (status) => ({ ...page(status), bytesPerSecond: 20 }),
  "that breaks off": (status) => ({ ...page(status), ...closeAfter(9) }),
  "that is a gzip bomb": (status) => bomb("gzip", status),
  "that is a brotli bomb": (status) => bomb("br", status),
  "that is a zstd bomb": (status) => bomb("zstd", status),
  "with a title without end": (status) => ({ ...page(status), body: `<html><title>${HUGE}` }),
  "with addresses without end": (status) => ({ ...page(status), body: "a://b@".repeat(20_000) }),
  "to be tried again in 300 years": (status) => ({
    ...page(status),
    headers: { "retry-after": "9999999999" },
  }),
};
const STATUSES = [400, 401, 403, 404, 412, 416, 429, 500, 503];

function page(status: number): Fault {
  return {
    status,
    headers: { "content-type": "text/html" },
    body: "<html><title>no</title></html>",
  };
}

/** All of them; every status has its turn in the pages of errors. */
function liesIn(phase: number): [what: string, lie: Lie][] {
  const errors = Object.entries(PAGES).map(([what, fault], i): [string, Lie] => {
    const status = STATUSES[(phase + i) % STATUSES.length]!;
    return [`the page of a ${status} ${what}`, () => fault(status)];
  });
  return [...Object.entries(WIRE), ...errors];
}

const THOROUGH = !!Deno.env.get("PULLAMA_SOAK");
const MOST_GROWTH = 300 * MIB;

for (const [k, phase] of PHASES.entries()) {
  Deno.test(`what no HTTP server sends is survived in the ${phase}, in little memory`, async () => {
    await using keyFile = await fileWith(KEY);
    const all = liesIn(k);
    // All of them take minutes: otherwise each phase has a share.
    const lies = THOROUGH ? all : all.filter((_, i) => i % (2 * PHASES.length) === k);
    const { rss } = Deno.memoryUsage();
    await mapConcurrent(lies, 3, ([what, lie]) => survive(phase, what, lie, keyFile.path));
    const grown = Deno.memoryUsage().rss - rss;
    assert.ok(grown < MOST_GROWTH, `${grown} bytes`);
  });
}
