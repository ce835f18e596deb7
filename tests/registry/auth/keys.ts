/** Test keys: one with known signatures, and files that are invalid on purpose. */

import { Buffer } from "node:buffer";

/** Created by ssh-keygen for these tests only. */
export const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACAnnFyd1Z8Y36pF4qUw8GMFJvCiFhVgJKFqnTDFUeeyVQAAAJhFtQHORbUB
zgAAAAtzc2gtZWQyNTUxOQAAACAnnFyd1Z8Y36pF4qUw8GMFJvCiFhVgJKFqnTDFUeeyVQ
AAAEBy6Ibc4c3mI7ECQ9lawFIW/PWM3D45Kxw0VE5/3TSaqCecXJ3VnxjfqkXipTDwYwUm
8KIWFWAkoWqdMMVR57JVAAAAE3B1bGxhbWEtdGVzdC12ZWN0b3IBAg==
-----END OPENSSH PRIVATE KEY-----
`;
export const PUBLIC = "AAAAC3NzaC1lZDI1NTE5AAAAICecXJ3VnxjfqkXipTDwYwUm8KIWFWAkoWqdMMVR57JV";
export const SEED = "72e886dce1cde623b10243d95ac05216fcf58cdc3e392b1c34544e7fdd349aa8";

/** `bytes` as a PEM file. */
export function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString("base64").match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** `KEY` with changed bytes. */
export function spoilt(change: (bytes: Buffer) => Uint8Array): string {
  const body = KEY.split("\n").slice(1, -2).join("");
  return pem("OPENSSH PRIVATE KEY", change(Buffer.from(body, "base64")));
}

/** A file as ssh-keygen writes it for another cipher or key type, without a valid private part. */
export function foreignKey(cipher: string, type: string): string {
  const text = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, Buffer.from(value, "latin1")]);
  };
  const kdf = cipher === "none" ? "none" : "bcrypt";
  const one = Buffer.from([0, 0, 0, 1]);
  const blob = text(type).toString("latin1") + text("x".repeat(32)).toString("latin1");
  const parts = [text(cipher), text(kdf), text(""), one, text(blob), text("sealed")];
  return pem("OPENSSH PRIVATE KEY", Buffer.concat([Buffer.from("openssh-key-v1\0"), ...parts]));
}

/** A temporary file with this text, removed on disposal. */
export async function fileWith(
  text: string,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "pullama-test-" });
  const path = `${folder}/file`;
  await Deno.writeTextFile(path, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
