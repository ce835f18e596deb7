import assert from "node:assert/strict";
import { expiryOf, UrlCache } from "../../../src/registry/api/url_cache.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

Deno.test("expiryOf() reads the expiry of a signed URL", () => {
  const at = (query: string) => expiryOf(new URL(`https://h/x?${query}`), NOW);
  assert.equal(at("X-Amz-Date=20260102T030000Z&X-Amz-Expires=1200"), Date.UTC(2026, 0, 2, 3, 20));
  assert.equal(at("X-Goog-Date=20260102T030000Z&X-Goog-Expires=60"), Date.UTC(2026, 0, 2, 3, 1));
  assert.equal(at("Expires=1767323045&Signature=x&Key-Pair-Id=y"), 1767323045_000);
  const payload = btoa(JSON.stringify({ iat: 1, exp: 1767323045 })).replaceAll("=", "");
  assert.equal(at(`__sign=aa.${payload}.bb`), 1767323045_000);
});

Deno.test("expiryOf() defaults to five minutes", () => {
  for (
    const query of [
      "",
      "X-Amz-Date=20260102&X-Amz-Expires=5",
      "X-Amz-Date=20260102T030000Z",
      "Expires=soon",
      "__sign=x",
      "__sign=a.b.c",
      "__sign=a.bnVsbA.c",
    ]
  ) {
    assert.equal(expiryOf(new URL(`https://h/x?${query}`), NOW), NOW + 300_000, query);
  }
});

Deno.test("UrlCache does not forget the newer URL of another request", () => {
  const addresses = new UrlCache(() => NOW);
  const [old, fresh] = [new URL("https://h/old"), new URL("https://h/fresh")];
  addresses.set("blob", fresh);
  addresses.drop("blob", old);
  assert.equal(addresses.get("blob"), fresh);
  addresses.drop("blob", new URL(fresh));
  assert.equal(addresses.get("blob"), undefined);
});
