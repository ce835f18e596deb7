/** The file formats of Ed25519 keys: OpenSSH and PKCS#8, both without a passphrase. */

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";

/** The OpenSSH name of this key type. */
const TYPE = "ssh-ed25519";

/** A PKCS#8 Ed25519 key up to its 32 secret bytes; the second form ends with the public key. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const PKCS8_WITH_PUBLIC = Buffer.from("3051020101300506032b657004220420", "hex");

const ENCRYPTED = "is protected by a passphrase, which is not supported";
const NOT_PRIVATE = "is not a private key";
const DAMAGED = "is damaged";

/** The key in the text of a file, or what is wrong with it: "is empty". */
export function keyIn(text: string): KeyObject | string {
  if (text.trim() === "") return "is empty";
  if (/^\s*(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]/.test(text)) {
    return "is a public key, not the private one";
  }
  const [, label = "", body = ""] =
    /^-----BEGIN ([A-Z0-9 ]+)-----\r?\n([^]*?)^-----END \1-----/m.exec(text) ?? [];
  if (label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:.*ENCRYPTED/m.test(body)) return ENCRYPTED;
  const bytes = Buffer.from(body, "base64");
  if (label === "OPENSSH PRIVATE KEY") return openSsh(bytes);
  if (label === "PRIVATE KEY") return pkcs8(bytes);
  const [, type] = /^(\S+) PRIVATE KEY$/.exec(label) ?? [];
  return type === undefined ? NOT_PRIVATE : notEd25519(type);
}

/** The public key of `key` in base64, as in a `.pub` file. */
export function publicText(key: KeyObject): string {
  return publicBlob(publicBytes(key)).toString("base64");
}

function pkcs8(bytes: Buffer): KeyObject | string {
  const is = (head: Buffer, length: number) =>
    bytes.length === length && bytes.subarray(0, head.length).equals(head);
  if (!is(PKCS8, 48) && !is(PKCS8_WITH_PUBLIC, 83)) return notEd25519("RSA or another");
  return keyOf(bytes.subarray(PKCS8.length, PKCS8.length + 32));
}

/** OpenSSH's PROTOCOL.key format. Every copy of the public key must match the secret key. */
function openSsh(bytes: Buffer): KeyObject | string {
  const magic = Buffer.from("openssh-key-v1\0");
  if (!bytes.subarray(0, magic.length).equals(magic)) return DAMAGED;
  const outer = new Fields(bytes.subarray(magic.length));
  const [cipher, kdf] = [outer.text(), outer.text()];
  outer.next();
  const count = outer.number();
  const announced = outer.next();
  const sealed = outer.next();
  if (outer.short || count !== 1) return DAMAGED;
  const type = new Fields(announced).text();
  if (type !== TYPE) return notEd25519(/^[\w@.-]{1,64}$/.test(type) ? type : "unknown");
  if (cipher !== "none" || kdf !== "none") return ENCRYPTED;

  const inner = new Fields(sealed);
  const [check, again] = [inner.number(), inner.number()];
  const innerType = inner.text();
  const [publicKey, secret] = [inner.next(), inner.next()];
  if (inner.short || check !== again || innerType !== TYPE || secret.length !== 64) return DAMAGED;
  const key = keyOf(secret.subarray(0, 32));
  const own = publicBytes(key);
  const fits = own.equals(publicKey) && own.equals(secret.subarray(32)) &&
    publicBlob(own).equals(announced);
  return fits ? key : DAMAGED;
}

function notEd25519(type: string): string {
  return `is a key of type ${type}, but only Ed25519 is supported`;
}

/** The key with these 32 secret bytes. */
function keyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

function publicBytes(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
}

function publicBlob(bytes: Buffer): Buffer {
  return Buffer.concat([withLength(Buffer.from(TYPE)), withLength(bytes)]);
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads numbers and strings in sequence; past the end they are 0 or empty, and `short` is set. */
class Fields {
  short = false;
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  number(): number {
    if (this.#rest.length < 4) {
      this.short = true;
      return 0;
    }
    const value = this.#rest.readUInt32BE();
    this.#rest = this.#rest.subarray(4);
    return value;
  }

  next(): Buffer {
    const length = this.number();
    this.short ||= length > this.#rest.length;
    const value = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(value.length);
    return value;
  }

  text(): string {
    return this.next().toString("latin1");
  }
}
