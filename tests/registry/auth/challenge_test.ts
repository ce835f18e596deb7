import assert from "node:assert/strict";
import fc from "fast-check";
import { parseChallenges } from "../../../src/registry/auth/challenge.ts";

type Plain = [scheme: string, parameters: Record<string, string>];

/** The challenges, followed by "broken" if parsing failed. */
function read(header: string): (Plain | "broken")[] {
  const { challenges, broken } = parseChallenges(header);
  const plain = challenges.map(({ scheme, parameters }): Plain => [
    scheme,
    Object.fromEntries(parameters),
  ]);
  return broken ? [...plain, "broken"] : plain;
}

Deno.test("case 81: challenges of Ollama and distribution are parsed", () => {
  assert.deepEqual(
    read('Bearer realm="https://h/t?a=1,2",service="s",scope="repository:a/b:pull"'),
    [
      ["bearer", { realm: "https://h/t?a=1,2", service: "s", scope: "repository:a/b:pull" }],
    ],
  );
  assert.deepEqual(read('Basic realm="basic-realm"'), [["basic", { realm: "basic-realm" }]]);
  assert.deepEqual(read('Bearer realm="x",scope=-,error="invalid_token"'), [
    ["bearer", { realm: "x", scope: "-", error: "invalid_token" }],
  ]);
});

Deno.test("case 81: two schemes in one header are two challenges", () => {
  assert.deepEqual(read('Basic realm="a", Bearer realm="b" , service = s'), [
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b", service: "s" }],
  ]);
  assert.deepEqual(read("Negotiate, NTLM TlRMTVNTUAAC=, Basic realm=a, Digest"), [
    ["negotiate", {}],
    ["ntlm", {}],
    ["basic", { realm: "a" }],
    ["digest", {}],
  ]);
  const headers = new Headers([["www-authenticate", "Negotiate"], [
    "www-authenticate",
    'Bearer realm="b"',
  ]]);
  assert.equal(read(headers.get("www-authenticate")!).length, 2);
});

Deno.test("case 81: upper case, escaped quotes, extra spaces and missing commas are accepted", () => {
  assert.deepEqual(read(String.raw`  BEARER   REALM = "a \"b\" \\c" Service=s,,Scope="" `), [
    ["bearer", { realm: String.raw`a "b" \c`, service: "s", scope: "" }],
  ]);
  assert.deepEqual(read("bearer realm=https://h:1/t?x=1,service=s"), [
    ["bearer", { realm: "https://h:1/t?x=1", service: "s" }],
  ]);
});

Deno.test("parseChallenges() keeps the first of two parameters with the same name", () => {
  assert.deepEqual(read("Bearer realm=a, Realm=b"), [["bearer", { realm: "a" }]]);
});

Deno.test("case 78: a header that cannot be parsed is broken from that point", () => {
  for (const header of ['Bearer realm="a', 'Bearer realm=a, service="b\\"', "Bearer a=b, c="]) {
    assert.equal(read(header).at(-1), "broken", header);
  }
  assert.deepEqual(read('"'), ["broken"]);
  assert.deepEqual(read("=x"), ["broken"]);
  assert.deepEqual(read('Basic realm="a", ;'), [["basic", { realm: "a" }], "broken"]);
  assert.deepEqual(read(" , "), []);
});

Deno.test("parseChallenges() parses any quoted value, and never throws", () => {
  fc.assert(fc.property(fc.string(), (value) => {
    const quoted = `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
    assert.deepEqual(read(`Bearer realm=${quoted}, service=s`), [
      ["bearer", { realm: value, service: "s" }],
    ]);
  }));
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom(...'ab =,"\\;\t') }),
    (header) => assert.ok(parseChallenges(header).challenges.length <= header.length),
  ));
});

Deno.test("parseChallenges() reads four challenges and ignores the rest", () => {
  const many = Array.from({ length: 5000 }, (_, k) => `Bearer realm="https://h/${k}"`).join(", ");
  const { challenges, broken } = parseChallenges(many);
  assert.deepEqual(challenges.map(({ parameters }) => parameters.get("realm")), [
    "https://h/0",
    "https://h/1",
    "https://h/2",
    "https://h/3",
  ]);
  assert.equal(broken, false);
});
