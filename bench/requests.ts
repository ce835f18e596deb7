/** Reads HTTP/1.1 requests without bodies from a TCP connection. */

export interface Request {
  readonly method: string;
  /** As received, without the query. */
  readonly path: string;
  /** First byte, and last byte or Infinity; undefined without a single range of bytes. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
  /** Whether the client closes the connection after the response. */
  readonly last: boolean;
}

const END = "\r\n\r\n";
/** A longer head is not one of the clients that are measured. */
const MAX_HEAD = 64 << 10;

/** The requests of a connection, one after the other, until the client ends it. */
export async function* requestsOf(connection: Deno.Conn): AsyncGenerator<Request> {
  const piece = new Uint8Array(16 << 10);
  const decoder = new TextDecoder("latin1");
  let text = "";
  for (;;) {
    const end = text.indexOf(END);
    if (end >= 0) {
      const request = parse(text.slice(0, end));
      text = text.slice(end + END.length);
      yield request;
      if (request.last) return;
      continue;
    }
    const count = await connection.read(piece);
    if (count === null || text.length > MAX_HEAD) return;
    text += decoder.decode(piece.subarray(0, count));
  }
}

/** Resolves when the client has closed the connection; what it sends until then is dropped. */
export async function closedByClient(connection: Deno.Conn): Promise<void> {
  const piece = new Uint8Array(1 << 10);
  while (await connection.read(piece) !== null) continue;
}

function parse(head: string): Request {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const match = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "");
  return {
    method,
    path: target.split("?")[0]!,
    range: match
      ? { first: Number(match[1]), last: match[2] ? Number(match[2]) : Infinity }
      : undefined,
    last: headers.get("connection")?.toLowerCase() === "close",
  };
}
