import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { readCertificates } from "../../src/setup/certificates.ts";
import { trustedCertificates } from "../../src/setup/trust.ts";
import { authority, good, key } from "../fakes/authority.ts";
import { certificate } from "../fakes/certificate.ts";

const BROKEN = authority.replaceAll("M", "N");
const SEPARATOR = Deno.build.os === "windows" ? ";" : ":";

async function files(
  texts: Readonly<Record<string, string>>,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("trustedCertificates() uses the flag, otherwise both variables, and ignores empty ones", () => {
  const env = (names: Readonly<Record<string, string>>) => (name: string) => names[name];
  const both = { SSL_CERT_FILE: "/f", SSL_CERT_DIR: "/d" };
  assert.deepEqual(trustedCertificates("/flag", env(both)), { caCert: "/flag" });
  assert.deepEqual(trustedCertificates(undefined, env(both)), { caCert: "/f", caDir: "/d" });
  assert.deepEqual(
    trustedCertificates(undefined, env({ SSL_CERT_FILE: "", SSL_CERT_DIR: "" })),
    {},
  );
});

Deno.test("readCertificates() finds all certificates in a file and in folders, among other content", async () => {
  await using one = await files({
    "ca.pem": `Example\n${authority}\n# more\n${certificate}${key}`,
  });
  await using two = await files({ "a.0": good, readme: "no certificate", "b.pem": BROKEN });
  const found = await readCertificates({
    caCert: `${one.path}/ca.pem`,
    caDir: ["/nowhere", "", two.path].join(SEPARATOR),
  });
  for (const wanted of [authority, certificate, good]) assert.ok(found.includes(wanted.trim()));
  assert.ok(!found.some((text) => text.includes("PRIVATE KEY") || text === BROKEN.trim()));
  assert.equal(new Set(found).size, found.length);
});

for (
  const [what, text, says] of [
    ["without certificates", "hello", /^no certificate in /],
    ["with a broken certificate", authority + BROKEN, /^invalid certificate in /],
  ] as const
) {
  Deno.test(`readCertificates() refuses a file ${what}`, async () => {
    await using folder = await files({ "ca.pem": text });
    await assert.rejects(readCertificates({ caCert: `${folder.path}/ca.pem` }), (error) => {
      assert.ok(error instanceof PullamaError);
      assert.equal(error.kind, "usage");
      assert.match(error.message, says);
      assert.ok(error.message.includes(folder.path));
      return true;
    });
  });
}

Deno.test("readCertificates() refuses a missing file", async () => {
  await assert.rejects(readCertificates({ caCert: "/nowhere/ca.pem" }), { kind: "local" });
});

Deno.test({
  name: "readCertificates() includes the system's certificates",
  ignore: await Deno.stat("/etc/ssl/certs/ca-certificates.crt").then(() => false, () => true),
  async fn() {
    const system = await Deno.readTextFile("/etc/ssl/certs/ca-certificates.crt");
    const [first] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(system)!;
    assert.ok((await readCertificates({})).includes(first));
  },
});
