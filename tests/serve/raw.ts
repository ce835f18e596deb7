/** Requests as bytes, for what no HTTP client would send. */

export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends `bytes` on a connection of its own, and reads until the server closes it. Status 0: it answered nothing. */
export async function raw(port: number, bytes: string | Uint8Array): Promise<RawResponse> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const data = typeof bytes === "string" ? latin1(bytes) : bytes;
  try {
    for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
    await conn.closeWrite();
  } catch {
    // It may have answered, and closed the connection, before it has read all.
  }
  return parsed(await readAll(conn));
}

/** A GET as it should be, with `head` as further lines that each end with CRLF. */
export function get(target: string, head = "", host = "127.0.0.1"): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${head}Connection: close\r\n\r\n`;
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) {
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  } catch {
    // What had arrived counts.
  }
  return text;
}

function parsed(text: string): RawResponse {
  const at = text.indexOf("\r\n\r\n");
  const head = at === -1 ? text : text.slice(0, at);
  const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? [];
  return { status: Number(status), head, body: at === -1 ? "" : text.slice(at + 4) };
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
