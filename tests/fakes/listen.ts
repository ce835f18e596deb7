/** Where fake registries listen: their address is a part of the names of models, and so a folder. */

import type * as net from "node:net";

/** "127.0.0.1:PORT", as in an URL; without its port where that is the default of http. */
export type Host = string;

/**
 * Makes `server` listen where a registry does. On Windows, where no folder can have ":" in its name, that is an address
 * of its own with the default port of http.
 */
export async function listenAsRegistry(server: net.Server): Promise<Host> {
  if (Deno.build.os !== "windows") return await listenOnPort(server);
  const address = ownAddress();
  await listen(server, 80, address);
  return address;
}

/** A loopback address that no other server has. */
export function ownAddress(): string {
  return `127.${drawn()}.${drawn()}.${drawn()}`;
}

/** Makes `server` listen on a port of 127.0.0.1, by default any free one. */
export async function listenOnPort(server: net.Server, port = 0): Promise<Host> {
  return `127.0.0.1:${await listen(server, port, "127.0.0.1")}`;
}

export function portOf(host: Host): string {
  return host.split(":")[1] ?? "80";
}

function drawn(): number {
  return 2 + crypto.getRandomValues(new Uint8Array(1))[0]! % 250;
}

async function listen(server: net.Server, port: number, address: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return (server.address() as net.AddressInfo).port;
}
