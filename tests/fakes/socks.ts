/** A SOCKS5 proxy on a loopback port (RFC 1928), with optional authentication (RFC 1929). */

import { type Relay, type RelayOptions, startRelay } from "./relay.ts";

export interface SocksOptions extends RelayOptions {
  /** Required credentials; default none. */
  readonly login?: { readonly username: string; readonly password: string };
  /** The code of every reply: 2 is "not allowed", 4 "host unreachable". */
  readonly refusal?: number;
}

export interface Socks extends Relay {
  /** "host:port" of all requests, in order, with the host as the client sent it. */
  readonly targets: readonly string[];
}

const NOTHING = 0xff;
const OPEN = 0;
const LOGIN = 2;

export async function startSocks(options: SocksOptions = {}): Promise<Socks> {
  const { login, refusal = 0 } = options;
  const targets: string[] = [];
  const relay = await startRelay(options, async (client) => {
    const { socket } = client;
    const text = async () => (await client.read((await client.read(1))[0]!)).toString();
    const [, count = 0] = await client.read(2);
    const wanted = login ? LOGIN : OPEN;
    const method = (await client.read(count)).includes(wanted) ? wanted : NOTHING;
    socket.write(Uint8Array.of(5, method));
    if (method === NOTHING) return void socket.end();
    if (login) {
      await client.read(1);
      const [username, password] = [await text(), await text()];
      const right = username === login.username && password === login.password;
      socket.write(Uint8Array.of(1, right ? 0 : 1));
      if (!right) return void socket.end();
    }
    const [, , , kind] = await client.read(4);
    const host = kind === 3 ? await text() : [...await client.read(4)].join(".");
    const target = `${host}:${(await client.read(2)).readUInt16BE()}`;
    targets.push(target);
    const other = refusal === 0 ? await client.reach(target) : undefined;
    const code = refusal || (other ? 0 : 5);
    socket.write(Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0));
    if (other) client.join(other);
    else socket.end();
  });
  return Object.assign(relay, { targets });
}
