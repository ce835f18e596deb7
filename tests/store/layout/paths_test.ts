import assert from "node:assert/strict";
import { pathsOf, plainRoot } from "../../../src/store/layout/paths.ts";

Deno.test("plainRoot() leaves out separators at the end, except after a drive and the root", () => {
  for (
    const [root, plain] of [
      ["/models/", "/models"],
      ["/", "/"],
      ["models", "models"],
      ["C:\\models\\", "C:\\models"],
      ["D:\\", "D:\\"],
      ["d:/", "d:/"],
      ["\\\\server\\share\\models\\\\", "\\\\server\\share\\models"],
    ] as const
  ) assert.equal(plainRoot(root), plain);
});

Deno.test("plainRoot() leaves out the prefix after which Windows knows no slash", () => {
  for (
    const [root, plain] of [
      ["\\\\?\\C:\\models\\", "C:\\models"],
      ["\\\\?\\D:\\", "D:\\"],
      ["\\\\?\\UNC\\server\\share\\models", "\\\\server\\share\\models"],
      ["\\\\?\\Volume{b75e2c83}\\models", "\\\\?\\Volume{b75e2c83}\\models"],
    ] as const
  ) assert.equal(plainRoot(root), plain);
  assert.equal(pathsOf("\\\\?\\C:\\models").blobs, "C:\\models/blobs");
});
