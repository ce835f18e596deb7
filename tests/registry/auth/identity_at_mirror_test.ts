import assert from "node:assert/strict";
import { identityAtMirror } from "../../../src/registry/auth/credential.ts";

Deno.test("identityAtMirror() keeps the key for registries where users add it", () => {
  const identity = { keyFile: "/k", dockerConfig: "/d" };
  const keyAt = (url: string) => identityAtMirror(identity, new URL(url)).keyFile;
  assert.equal(keyAt("https://hf.co"), "/k");
  for (const url of ["http://hf.co", "https://hf.co:8443", "https://mirror.corp", "http://h:1"]) {
    assert.equal(keyAt(url), undefined, url);
    assert.equal(identityAtMirror(identity, new URL(url)).dockerConfig, "/d");
  }
});
