import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { requireStorable } from "../../src/setup/storable.ts";

Deno.test("requireStorable() refuses names that cannot be folders, only on Windows", () => {
  for (const text of ["con", "m:lpt1.q4", "user/NUL", "m:tag.", "nas:5000/team/m"]) {
    const check = () => requireStorable(parseName(text));
    if (Deno.build.os !== "windows") assert.doesNotThrow(check);
    else assert.throws(check, { kind: "invalid_name", message: /Windows/, hint: /another system/ });
  }
  requireStorable(parseName("llama3.2:1b"));
});
