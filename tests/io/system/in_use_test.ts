import assert from "node:assert/strict";
import { isInUse, whenNotInUse } from "../../../src/io/system/in_use.ts";

/** A file that is in use until `freeAt`, and a clock that advances only by `sleep`. */
function busyFile(freeAt: number, code = 32) {
  let now = 0;
  let tries = 0;
  return {
    clock: { now: () => now, sleep: (ms: number) => Promise.resolve(void (now += ms)) },
    os: "windows",
    tries: () => tries,
    now: () => now,
    act() {
      tries++;
      if (now >= freeAt) return Promise.resolve("done");
      return Promise.reject(new Error(`The process cannot access the file. (os error ${code})`));
    },
  };
}

for (const code of [5, 32, 33, 1224]) {
  Deno.test(`whenNotInUse() waits while the file is in use (os error ${code})`, async () => {
    const file = busyFile(3000, code);
    assert.equal(await whenNotInUse(file.act, { ...file, orDenied: true }), "done");
    assert.ok(file.tries() > 10);
    assert.ok(file.now() >= 3000 && file.now() < 3100);
  });
}

Deno.test("whenNotInUse() gives up after ten seconds, with the last error", async () => {
  const file = busyFile(Infinity);
  await assert.rejects(whenNotInUse(file.act, file), /os error 32/);
  assert.ok(file.now() >= 10_000 && file.now() < 10_100);
});

Deno.test("whenNotInUse() does not wait for other errors, nor where files can be replaced in use", async () => {
  for (
    const [code, os] of [[2, "windows"], [5, "windows"], [5, "linux"], [32, "darwin"]] as const
  ) {
    const file = { ...busyFile(Infinity, code), os };
    await assert.rejects(whenNotInUse(file.act, file), new RegExp(`os error ${code}`));
    assert.equal(file.tries(), 1);
  }
});

Deno.test("isInUse() knows the numbers of Windows, which are others elsewhere", () => {
  const error = new Error("Der Prozess kann nicht auf die Datei zugreifen. (os error 32)");
  assert.ok(isInUse(error, "windows"));
  assert.ok(!isInUse(error, "linux"));
  assert.ok(!isInUse(new Error("os error 32"), "windows"));
});
