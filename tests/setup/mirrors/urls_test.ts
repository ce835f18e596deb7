import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { mirrorOptions } from "../../../src/setup/mirrors/urls.ts";

const none = () => undefined;

Deno.test("mirrorOptions() takes mirrors in order, each once, without slashes at the end", () => {
  const given = ["http://10.0.0.5:11435/", "HTTPS://R.corp/a/b/", "http://10.0.0.5:11435"];
  assert.deepEqual(mirrorOptions(given, true, none), {
    mirrors: ["http://10.0.0.5:11435", "https://r.corp/a/b"],
    offline: true,
  });
  assert.deepEqual(mirrorOptions(undefined, false, none), {});
});

Deno.test("mirrorOptions() reads PULLAMA_MIRRORS unless a flag is given", () => {
  const env = () => " http://a:1, http://b:2\thttp://c:3,";
  const mirrors = ["http://a:1", "http://b:2", "http://c:3"];
  assert.deepEqual(mirrorOptions(undefined, false, env), { mirrors });
  assert.deepEqual(mirrorOptions(["http://d"], false, env), { mirrors: ["http://d"] });
});

Deno.test("mirrorOptions() refuses what is no mirror, names where it is from, and hides passwords", () => {
  const wrong = [
    "10.0.0.5:5000",
    "localhost:5000",
    "ftp://h",
    "http://user:s3cret@h",
    "http://h/?token=s3cret",
    "http://h#s3cret",
    "http://",
    "http://h/a b",
    "http://h/v2",
    "http://h/v2/library",
    "--offline",
    "",
  ];
  for (const [where, read] of [["--mirror", true], ["PULLAMA_MIRRORS", false]] as const) {
    for (const text of wrong) {
      if (!read && /^$| /.test(text)) continue;
      assert.throws(
        () => mirrorOptions(read ? [text] : undefined, false, () => text),
        (error: PullamaError) => {
          assert.equal(error.kind, "usage");
          assert.ok(error.message.startsWith(`invalid ${where}`), error.message);
          assert.ok(!error.message.includes("s3cret"), error.message);
          assert.match(error.hint!, /^write it like http:/);
          return true;
        },
        text,
      );
    }
  }
});

Deno.test("mirrorOptions() needs a mirror to be offline", () => {
  assert.throws(() => mirrorOptions([], true, none), {
    name: "PullamaError",
    message: "--offline needs a mirror to ask",
  });
});
