import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { readKey, type SigningKey } from "../../../src/registry/auth/key.ts";
import { testWith } from "../../needs.ts";
import { runToEnd, temporaryFolder } from "../../real/child.ts";
import { fileWith, foreignKey, KEY, pem, PUBLIC, SEED, spoilt } from "./keys.ts";

/** The public key that readKey() finds in a file with this text, or the reason without the path. */
async function reading(text: string): Promise<string> {
  await using file = await fileWith(text);
  const key = await readKey(file.path);
  if ("sign" in key) return key.publicKey;
  assert.ok(!key.missing);
  assert.match(key.hint, /PULLAMA_KEY.*ssh-keygen -t ed25519/);
  return key.reason.replace(file.path, "FILE");
}

Deno.test("readKey() reads OpenSSH keys and both forms of PKCS#8", async () => {
  assert.equal(await reading(KEY), PUBLIC);
  assert.equal(await reading(`a comment\n${KEY.replaceAll("\n", "\r\n")}`), PUBLIC);
  const seed = Buffer.from(SEED, "hex");
  const short = Buffer.from("302e020100300506032b657004220420", "hex");
  assert.equal(await reading(pem("PRIVATE KEY", Buffer.concat([short, seed]))), PUBLIC);
  const long = Buffer.from("3051020101300506032b657004220420", "hex");
  const own = Buffer.from(PUBLIC, "base64").subarray(-32);
  const both = Buffer.concat([long, seed, Buffer.from("812100", "hex"), own]);
  assert.equal(await reading(pem("PRIVATE KEY", both)), PUBLIC);
});

Deno.test("readKey() reads keys written by node", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const text = privateKey.export({ format: "pem", type: "pkcs8" }) as string;
  assert.ok(Buffer.from(await reading(text), "base64").subarray(-32).equals(raw));
});

Deno.test("readKey() reports a missing file and how to create it", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/my keys/id_ed25519`;
  const key = await readKey(path);
  assert.deepEqual(key, {
    missing: true,
    reason: `key file ${path} not found`,
    hint: `run "ollama serve" once to create it, or run: ` +
      `ssh-keygen -t ed25519 -N "" -f "${path}"`,
  });
});

const wrong: readonly [what: string, text: string, reason: RegExp][] = [
  ["an empty file", " \n", /^the key FILE is empty$/],
  ["case 80: a passphrase", foreignKey("aes256-ctr", "ssh-ed25519"), /passphrase/],
  ["case 80: an RSA key", foreignKey("none", "ssh-rsa"), /type ssh-rsa, but only Ed25519/],
  ["case 80: an RSA key with a passphrase", foreignKey("aes256-ctr", "ssh-rsa"), /type ssh-rsa/],
  ["a key in hardware", foreignKey("none", "sk-ssh-ed25519@openssh.com"), /type sk-ssh-ed25519@o/],
  ["an odd type", foreignKey("none", "ssh\u001b[2J"), /type unknown/],
  ["an old RSA key", pem("RSA PRIVATE KEY", new Uint8Array(99)), /type RSA/],
  ["another PKCS#8 key", pem("PRIVATE KEY", new Uint8Array(99)), /type RSA or another/],
  ["PKCS#8 with a passphrase", pem("ENCRYPTED PRIVATE KEY", new Uint8Array(9)), /passphrase/],
  ["a public key", `ssh-ed25519 ${PUBLIC} me@here`, /public key, not the private one/],
  ["a certificate", pem("CERTIFICATE", new Uint8Array(9)), /is not a private key/],
  ["some text", "hello", /is not a private key/],
  ["a missing end", KEY.slice(0, 300), /is not a private key/],
  ["half of the bytes", spoilt((bytes) => bytes.subarray(0, 120)), /is damaged/],
  ["another magic", spoilt((bytes) => bytes.fill("x", 0, 4)), /is damaged/],
  ["another public half", spoilt((bytes) => bytes.fill(7, 70, 71)), /is damaged/],
  ["another secret half", spoilt((bytes) => bytes.fill(7, 170, 171)), /is damaged/],
  ["a huge file", "x".repeat(65_537), /too large/],
];
for (const [what, text, reason] of wrong) {
  Deno.test(`readKey() rejects ${what}`, async () => {
    assert.match(await reading(text), reason);
  });
}

Deno.test("readKey() does not read a directory", async () => {
  await using folder = await temporaryFolder();
  const key = await readKey(folder.path);
  assert.ok(!("sign" in key) && !key.missing);
  assert.match(key.reason, /cannot be read$/);
});

testWith(
  ["ssh-keygen"],
  "signatures with a key of ssh-keygen are verified by its .pub file",
  async () => {
    await using folder = await temporaryFolder();
    const make = async (name: string, ...args: string[]) => {
      const path = `${folder.path}/${name}`;
      const ended = await runToEnd(["ssh-keygen", "-q", "-f", path, "-C", "a b", ...args]);
      assert.deepEqual([ended.code, ended.err], [0, ""]);
      return await readKey(path);
    };
    const key = await make("plain", "-t", "ed25519", "-N", "") as SigningKey;
    const [, expected] = (await Deno.readTextFile(`${folder.path}/plain.pub`)).split(" ");
    assert.equal(key.publicKey, expected);
    const head = Buffer.from("302a300506032b6570032100", "hex");
    const der = Buffer.concat([head, Buffer.from(expected!, "base64").subarray(-32)]);
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    const bytes = Buffer.from("x");
    assert.ok(verify(null, bytes, publicKey, key.sign(bytes)));
    const reasonOf = async (...args: string[]) => {
      const result = await make(args.join(""), ...args);
      return "reason" in result ? result.reason : "usable";
    };
    assert.match(await reasonOf("-t", "ed25519", "-N", "secret"), /passphrase/);
    assert.match(await reasonOf("-t", "rsa", "-b", "2048", "-N", ""), /type ssh-rsa/);
    assert.match(await reasonOf("-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"), /type RSA/);
    assert.match(await reasonOf("-t", "ecdsa", "-N", ""), /type ecdsa-sha2-nistp256/);
  },
);
