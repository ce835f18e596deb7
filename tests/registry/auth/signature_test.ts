import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseChallenges } from "../../../src/registry/auth/challenge.ts";
import { Http } from "../../../src/registry/http/http.ts";
import { readKey, type SigningKey } from "../../../src/registry/auth/key.ts";
import {
  excessIn,
  plainQuery,
  signedHeader,
  signedQuery,
  tokenAddress,
} from "../../../src/registry/auth/signature.ts";
import { fileWith, KEY, PUBLIC } from "./keys.ts";
import { never } from "../world.ts";

const NOW = 1_750_000_000_999;
const NONCE = Uint8Array.from({ length: 16 }, (_, k) => k);

async function key(): Promise<SigningKey> {
  await using file = await fileWith(KEY);
  return await readKey(file.path) as SigningKey;
}

/** The URL of the token request for this challenge, to pull from `repository`. */
function address(challenge: string, repository: string, query = signedQuery): string {
  const { parameters } = parseChallenges(challenge).challenges[0]!;
  const request = { service: parameters.get("service") ?? "", repository };
  return tokenAddress(new URL(parameters.get("realm")!), query(request, NOW, NONCE));
}

Deno.test("case 72: vector 1, one scope", async () => {
  const url = address(
    'Bearer realm="https://registry.ollama.ai/v2/token",service="ollama",scope="repository:library/llama3.2:pull"',
    "library/llama3.2",
  );
  assert.equal(
    url,
    "https://registry.ollama.ai/v2/token?nonce=AAECAwQFBgcICQoLDA0ODw" +
      "&scope=repository%3Alibrary%2Fllama3.2%3Apull&service=ollama&ts=1750000000",
  );
  assert.equal(
    signedHeader(await key(), url),
    `${PUBLIC}:dzQA72qbMPbi+NnnkdNouGtE/fjCRc6ckFR0wbNkzgu4sOg5h8JRMYxKRqcE3C5l758zkZERwVuofqEMCRFNCA==`,
  );
});

Deno.test("case 72: vector 2, two scopes and a realm with its own query", async () => {
  const url = tokenAddress(new URL("http://127.0.0.1:5999/token?x=1"), [
    ["service", "my-svc"],
    ["scope", "repository:a/b:pull"],
    ["scope", "repository:c/d:pull"],
    ["ts", "1750000000"],
    ["nonce", "AAECAwQFBgcICQoLDA0ODw"],
  ]);
  assert.equal(
    url,
    "http://127.0.0.1:5999/token?nonce=AAECAwQFBgcICQoLDA0ODw&scope=repository%3Aa%2Fb%3Apull" +
      "&scope=repository%3Ac%2Fd%3Apull&service=my-svc&ts=1750000000&x=1",
  );
  assert.equal(
    signedHeader(await key(), url),
    `${PUBLIC}:MdGrsxTVvxZV8jeXvR3ruLB+M0LXpfs06cJQVkkRaPkG0qK8qIpvdGhXQqUtGtmPWmoSil+p1COqrqfVH7xaBQ==`,
  );
});

Deno.test("case 72: vector 3, a presigned URL", async () => {
  const url = "https://ollama.com?ts=1750000000";
  assert.equal(
    `Bearer ${btoa(url)}:${signedHeader(await key(), url)}`,
    "Bearer aHR0cHM6Ly9vbGxhbWEuY29tP3RzPTE3NTAwMDAwMDA=:" +
      `${PUBLIC}:UI0w4C4Sh2+CvJVvX5cVy6hXRxZt5fotPh3eiS4xV4yj5dre7M1Zi8mz/29NDiUtRhvL4X5X4JLjE2cnBxORCQ==`,
  );
});

Deno.test("tokenAddress() encodes like a Go form, and keeps the order of values of the same name", () => {
  const realm = new URL("https://h/t?b=2&a=%7E&b=1&c=a+b&%C3%A9=1&~=2&B=3");
  const query = [["a", "-_.~ *'()!/:?&=+%\u00e9"], ["service", ""]] as const;
  assert.equal(
    tokenAddress(realm, query),
    "https://h/t?B=3&a=~&a=-_.~+%2A%27%28%29%21%2F%3A%3F%26%3D%2B%25%C3%A9" +
      "&b=2&b=1&c=a+b&service=&~=2&%C3%A9=1",
  );
});

Deno.test("a missing service is sent as an empty value if the request is signed, else omitted", () => {
  const bare = 'Bearer realm="https://h/t"';
  assert.equal(
    address(bare, "a/b"),
    "https://h/t?nonce=AAECAwQFBgcICQoLDA0ODw&scope=repository%3Aa%2Fb%3Apull&service=&ts=1750000000",
  );
  assert.equal(address(bare, "a/b", plainQuery), "https://h/t?scope=repository%3Aa%2Fb%3Apull");
});

const greedy = [
  'Bearer realm="https://h/t",service="s",scope="repository:other/private:pull"',
  'Bearer realm="https://h/t",service="s",scope="repository:a/b:pull,push"',
  'Bearer realm="https://h/t",service="s",scope="repository:a/b:pull registry:catalog:*"',
  'Bearer realm="https://h/t?scope=repository:other/private:pull",service="s"',
  'Bearer realm="https://h/t?scope=-&service=x&ts=4102444800&nonce=AAAA",service="s",scope="-"',
];
for (const challenge of greedy) {
  Deno.test(`a pull asks for its own repository only, whatever is in ${challenge}`, () => {
    assert.equal(
      address(challenge, "a/b"),
      "https://h/t?nonce=AAECAwQFBgcICQoLDA0ODw&scope=repository%3Aa%2Fb%3Apull&service=s&ts=1750000000",
    );
    assert.equal(
      address(challenge, "a/b", plainQuery),
      "https://h/t?scope=repository%3Aa%2Fb%3Apull&service=s",
    );
  });
}

/** Responds to one request, and returns its head as received. */
async function headOf(get: (port: number) => Promise<Response>): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const getting = get(listener.addr.port);
  using connection = await listener.accept();
  let head = "";
  for (const bytes = new Uint8Array(4096); !head.includes("\r\n\r\n");) {
    head += Buffer.from(bytes.subarray(0, await connection.read(bytes) ?? 0)).toString("latin1");
  }
  const response = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(response));
  await (await getting).body?.cancel();
  return head;
}

const realms = [
  "http://HOST",
  "http://HOST?x=1",
  "http://HOST/#part",
  "http://HOST/a/../b//c/./%7e%2F|^{}\"'<>`~*é [x]\\;,:@!$&()+=",
  "http://HOST/t?q=a~b*c d'é|^{}[]\\`%zz%20+&&=&x",
  "HTTP://NAME:0/t",
  " http://HOST/\tt ",
  "http:HOST/t",
];
for (const realm of realms) {
  Deno.test(`what is signed is what is sent: ${JSON.stringify(realm)}`, async () => {
    using http = new Http({ userAgent: "pullama/test" });
    let signed = "";
    const head = await headOf((port) => {
      const url = new URL(
        realm.replace(
          /HOST|NAME:0/,
          (what) => what === "HOST" ? `127.0.0.1:${port}` : `LocalHost:0${port}`,
        ),
      );
      signed = tokenAddress(url, signedQuery({ service: "s é", repository: "a/b" }, NOW, NONCE));
      return http.get(new URL(signed), { signal: never() });
    });
    const [line, ...fields] = head.split("\r\n");
    const [method, target, version] = line!.split(" ");
    const host = fields.find((field) => /^host:/i.test(field))!.slice(5).trim();
    assert.deepEqual([method, version], ["GET", "HTTP/1.1"]);
    assert.equal(`http://${host}${target}`, signed);
  });
}

Deno.test("the signed URL omits port 443 for https, like the Host header", () => {
  const signed = tokenAddress(new URL("https://Registry.Example:443"), []);
  assert.equal(signed, "https://registry.example/");
  assert.equal(new URL(signed).href, signed);
});

const PUSH = { repository: "a/b", push: { from: "c/d" } };

for (
  const scope of [
    "",
    "-",
    "repository:a/b:pull",
    "repository:a/b:push,pull",
    "repository:a/b:pull,push  repository:c/d:pull",
  ]
) {
  Deno.test(`a push may be asked for the scope "${scope}"`, () => {
    assert.equal(excessIn(scope, PUSH), undefined);
  });
}

for (
  const scope of [
    "repository:a/b:*",
    "repository:a/b:pull,push,delete",
    "repository:a/b/c:pull",
    "repository:x:a/b:pull",
    "repository:c/d:pull,push",
    "repository:a/b:pull registry:catalog:*",
    "registry:catalog:*",
    "repository:A/B:pull",
    "a/b:pull",
    "*",
  ]
) {
  Deno.test(`a push may not be asked for the scope "${scope}"`, () => {
    assert.notEqual(excessIn(scope, PUSH), undefined);
  });
}

Deno.test("a token for a push is requested for its repository, and to read where it mounts from", () => {
  const scopes = (push: { readonly from?: string }) =>
    plainQuery({ service: "s", repository: "a/b", push })
      .filter(([name]) => name === "scope").map(([, value]) => value);
  assert.deepEqual(scopes({}), ["repository:a/b:pull,push"]);
  assert.deepEqual(scopes({ from: "c/d" }), ["repository:a/b:pull,push", "repository:c/d:pull"]);
});
