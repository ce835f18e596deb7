import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import {
  DEFAULT_HOST,
  DEFAULT_NAMESPACE,
  DEFAULT_TAG,
  displayName,
  fullName,
  type ModelName,
  nameOfParts,
  parseName,
  parsePinned,
  plainHttp,
  sameName,
} from "../../src/core/name.ts";
import { refusedOnWindows } from "../../src/core/name_rules.ts";

function refusal(text: string): PullamaError {
  try {
    parseName(text);
  } catch (error) {
    assert(error instanceof PullamaError, `${JSON.stringify(text)}: ${error}`);
    assert.equal(error.kind, "invalid_name");
    return error;
  }
  assert.fail(`${JSON.stringify(text)} was accepted`);
}

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

Deno.test("case 1: parseName() fills in registry.ollama.ai, library and latest for llama3.2", () => {
  assert.deepEqual(parseName("llama3.2"), {
    host: "registry.ollama.ai",
    namespace: "library",
    model: "llama3.2",
    tag: "latest",
  });
});

Deno.test("case 2: parseName() preserves the case of the tag in user/m:8b-q4_K_M", () => {
  assert.equal(fullName(parseName("user/m:8b-q4_K_M")), "registry.ollama.ai/user/m:8b-q4_K_M");
});

Deno.test("case 3: parseName() reads the host hf.co and preserves case in hf.co/A/B-GGUF:Q4_K_M", () => {
  assert.deepEqual(parseName("hf.co/A/B-GGUF:Q4_K_M"), {
    host: "hf.co",
    namespace: "A",
    model: "B-GGUF",
    tag: "Q4_K_M",
  });
});

Deno.test("case 4: parseName() accepts a host with a port, and --insecure selects http", () => {
  const name = parseName("127.0.0.1:5000/ns/m:t");
  assert.equal(name.host, "127.0.0.1:5000");
  assert.equal(fullName(name), "127.0.0.1:5000/ns/m:t");
  assert.equal(plainHttp(name, true), true);
  assert.equal(plainHttp(name, false), false);
});

Deno.test("case 5: parseName() refuses localhost:5000/m with a hint that a host needs three parts", () => {
  const error = refusal("localhost:5000/m");
  assert.match(error.message, /"localhost:5000\/m".*namespace "localhost:5000" contains ":"/);
  assert.match(error.hint ?? "", /host\/namespace\/model.*localhost:5000\/library\/m/);
});

const IMPOSSIBLE = [
  ...["../x", "x/../y", "..", ".", "m:..", "a/b/c/d", "-m", "m:", "/m", "m@sha256:aa", "modèle"],
  ...["a\0b", "a\nb", "a\tb", "a b", "a\u2028b", "a\u202eb", `m:${"t".repeat(81)}`],
  ...["", " ", ":", "/", "m/", "a//b", ":t", "a.b/m", "m:t:u", "m::t", "[::1]:5000/a/b", "a\\b"],
  ...["..\\x", "a/..\\..\\x", "host/ns/", "//h/n/m", "/h/n/m", "m%2e", "~/m", "$HOME", "m;rm", "*"],
  ...["x".repeat(81), `${"n".repeat(81)}/m`, `${"h".repeat(351)}/n/m`, "m".repeat(1_000_000)],
  ...["--insecure", "１２", "m\u0301", "m:é", "\ud800", "m:t/u", "h:1/n:2/m", "_/_/-"],
];

Deno.test("case 6: parseName() refuses path traversal and every other invalid name", () => {
  for (const text of IMPOSSIBLE) {
    const { message, hint } = refusal(text);
    assert(message.length < 400 && !CONTROL.test(message), JSON.stringify(message));
    assert(hint, `no hint for ${JSON.stringify(text)}`);
  }
});

Deno.test("case 7: parseName() refuses ftp://h/n/m and file:///etc/passwd", () => {
  assert.match(refusal("ftp://h/n/m").message, /unsupported scheme "ftp"/);
  assert.match(refusal("file:///etc/passwd").message, /unsupported scheme "file"/);
  refusal("HTTP://h/n/m");
  refusal("://h/n/m");
});

Deno.test("case 8: plainHttp() refuses http://example.com/n/m without --insecure, with the reason", () => {
  const name = parseName("http://example.com/n/m");
  assert.throws(() => plainHttp(name, false), (error) => {
    assert(error instanceof PullamaError);
    assert.equal(error.kind, "usage");
    assert.match(error.message, /example\.com over plain http/);
    assert.match(error.hint ?? "", /--insecure/);
    return true;
  });
  assert.equal(plainHttp(name, true), true);
});

Deno.test("case 10: refusedOnWindows() reports names that are invalid as directories on Windows", () => {
  const reason = (text: string) => refusedOnWindows(parseName(text));
  assert.match(reason("localhost:5000/n/m") ?? "", /":".*localhost:5000/);
  const devices = [
    "CON",
    "con",
    "m:nul",
    "Aux/m",
    "prn.de/n/m",
    "m:COM0",
    "com9",
    "lpt9.tar.gz",
    "nul.",
  ];
  for (const text of devices) assert.match(reason(text) ?? "", /device/, text);
  for (const text of ["m.", "m:tag.", "host./n/m"]) assert.match(reason(text) ?? "", /dot/, text);
  for (const text of ["llama3.2", "console", "com", "com10", "m:xcon", "a.con"]) {
    assert.equal(reason(text), undefined, text);
  }
});

Deno.test("parseName() accepts every form of a name", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["mistral:7b", "registry.ollama.ai/library/mistral:7b"],
    ["user/my-model", "registry.ollama.ai/user/my-model:latest"],
    ["localhost:5000/library/m:t", "localhost:5000/library/m:t"],
    ["localhost/m", "registry.ollama.ai/localhost/m:latest"],
    ["a/b/c", "a/b/c:latest"],
    ["h:/n/m", "h:/n/m:latest"],
    ["_/_/_:_", "_/_/_:_"],
    ["M:LATEST", "registry.ollama.ai/library/M:LATEST"],
    ["m:tag.", "registry.ollama.ai/library/m:tag."],
    ["CON", "registry.ollama.ai/library/CON:latest"],
    [`m:${"t".repeat(80)}`, `registry.ollama.ai/library/m:${"t".repeat(80)}`],
    [`${"h".repeat(350)}/n/m`, `${"h".repeat(350)}/n/m:latest`],
    ["https://ollama.com/library/llama3.2", "ollama.com/library/llama3.2:latest"],
  ];
  for (const [text, full] of forms) assert.equal(fullName(parseName(text)), full);
});

Deno.test("parseName() ignores white space around the name, but not inside", () => {
  assert.deepEqual(parseName(" \t llama3.2\r\n"), parseName("llama3.2"));
  refusal("llama3.2 :1b");
});

Deno.test("parseName() keeps the given scheme", () => {
  assert.deepEqual(parseName("http://127.0.0.1:5000/a/b:c"), {
    scheme: "http",
    host: "127.0.0.1:5000",
    namespace: "a",
    model: "b",
    tag: "c",
  });
  assert.equal(parseName("https://h/n/m").scheme, "https");
  assert.equal("scheme" in parseName("h/n/m"), false);
});

Deno.test("parseName() requires all three parts after a scheme", () => {
  assert.match(refusal("http://m").hint ?? "", /host\/namespace\/model/);
  assert.match(
    refusal("http://localhost:5000/m").hint ?? "",
    /http:\/\/localhost:5000\/library\/m/,
  );
});

Deno.test("parseName() joins :cloud to the tag and drops :local, as Ollama does", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["x:cloud", "x:cloud"],
    ["x:8b:cloud", "x:8b-cloud"],
    ["x:8b-cloud", "x:8b-cloud"],
    ["x:8B:CLOUD", "x:8B-cloud"],
    ["x:local", "x:latest"],
    ["x:8b:local", "x:8b"],
    ["x:8b:LOCAL", "x:8b"],
    ["u/x:cloud", "u/x:cloud"],
    ["h:5000/u/x:cloud", "h:5000/u/x:cloud"],
    ["h:5000/u/x:1b:local", "h:5000/u/x:1b"],
    ["x:cloudy", "x:cloudy"],
    ["my-cloud", "my-cloud:latest"],
    ["local", "local:latest"],
  ];
  for (const [text, display] of forms) assert.equal(displayName(parseName(text)), display, text);
});

Deno.test("parseName() refuses :cloud and :local together", () => {
  for (const text of ["x:cloud:local", "x:local:cloud", "x:8b-cloud:local", "x:cloud:cloud"]) {
    assert.match(refusal(text).message, /more than one :cloud or :local/);
  }
  for (const text of [":cloud", ":local", "x::cloud", "x:-cloud", "x:a:b:cloud"]) refusal(text);
});

Deno.test("parsePinned() takes a digest after the name, and keeps case, scheme and default tag", () => {
  const digest = `sha256:${"0a".repeat(32)}` as const;
  for (const text of ["m", "u/M:t", "http://127.0.0.1:5000/u/m:8b", "m:8b:cloud"]) {
    assert.deepEqual(parsePinned(` ${text}@${digest} `), { ...parseName(text), digest });
    assert.deepEqual(parsePinned(text), parseName(text));
  }
});

Deno.test("parsePinned() and parseName() say what is wrong with a digest", () => {
  const hex = "0a".repeat(32);
  const wrong = ["m@sha256:aa", `m@sha256:${hex.toUpperCase()}`, "u/m:t@sha512:1", "@sha256:aa"];
  for (const text of [...wrong, `m@sha256-${hex}`, `m@sha256:${hex}@sha256:aa`]) {
    for (const parse of [parseName, parsePinned]) {
      assert.throws(() => parse(text), {
        kind: "invalid_name",
        message: `invalid model name "${text}": the digest is not "sha256:" and 64 digits 0-9, a-f`,
      });
    }
  }
  assert.match(refusal(`m@sha256:${hex}`).message, /only names of models to pull can have$/);
  assert.throws(() => parsePinned(`@sha256:${hex}`), { kind: "invalid_name" });
});

Deno.test("parseName() suggests a valid name for the URL of a web page", () => {
  const pages: readonly (readonly [string, string])[] = [
    ["https://huggingface.co/a/b/blob/main/x.gguf", "hf.co/a/b:x.gguf"],
    ["https://huggingface.co/a/b/resolve/main/x.gguf?download=true", "hf.co/a/b:x.gguf"],
    ["https://huggingface.co/a/b/blob/main/sub/x.gguf", "hf.co/a/b"],
    ["https://huggingface.co/a/b/blob/main/dir.gguf/x.gguf", "hf.co/a/b"],
    ["https://huggingface.co/a/b/tree/main", "hf.co/a/b"],
    ["https://huggingface.co/a/b?show_file_info=x.gguf", "hf.co/a/b"],
    ["https://huggingface.co/a/b#readme", "hf.co/a/b"],
    ["hf.co/a/b/blob/main/README.md", "hf.co/a/b"],
    ["www.huggingface.co/a/b/", "hf.co/a/b"],
    ["https://ollama.com/library/llama3.2/tags", "llama3.2"],
    ["https://ollama.com/library/llama3.2:1b/blobs/dde5aa3fc5ff", "llama3.2:1b"],
    ["https://www.ollama.com/user/model/", "user/model"],
    ["ollama.com/llama3.2", "llama3.2"],
  ];
  for (const [page, name] of pages) {
    const hint = refusal(page).hint ?? "";
    assert(hint.endsWith(` ${name}`), `${page}: ${hint}`);
    parseName(name);
  }
});

Deno.test("parseName() says what to use instead of a longer path at a proxy or in a group", () => {
  const originals: readonly (readonly [path: string, name: string | undefined])[] = [
    ["harbor.corp/ollama-proxy/library/llama3.2:1b", "llama3.2:1b"],
    ["harbor.corp:8443/cache/registry.ollama.ai/user/m:t", "user/m:t"],
    ["https://nexus.corp/hub/hf.co/bartowski/M-GGUF:Q4_K_M", "hf.co/bartowski/M-GGUF:Q4_K_M"],
    ["corp.jfrog.io/docker/proxy/library/m", "m"],
    ["gitlab.corp:5050/group/subgroup/model:t", undefined],
    ["h/a/library/-m", undefined],
  ];
  for (const [path, name] of originals) {
    const { message, hint = "" } = refusal(path);
    assert.match(message, /more than three parts/);
    assert.match(hint, /mirror that serves it as host\/namespace\/model/, path);
    assert.equal(/such as (\S+),/.exec(hint)?.[1], name, hint);
    if (name !== undefined) parseName(name);
  }
});

Deno.test("parseName() never suggests an invalid name", () => {
  const file = `${"x".repeat(90)}.gguf`;
  const texts = [
    "https://huggingface.co/datasets/a/b",
    "https://huggingface.co/a.b/c/tree/main",
    `https://huggingface.co/a/b/blob/main/${file}`,
    "https://example.com/a/b/c",
    "https://huggingface.co/",
    "[::1]:5000/m",
  ];
  for (const text of texts) {
    assert.doesNotMatch(refusal(text).hint ?? "", /use (hf|[^[]*\/b)/, text);
  }
});

Deno.test("parseName() does not reveal passwords or tokens", () => {
  const texts = [
    "https://user:hunter2@huggingface.co/a/b",
    "user:hunter2@host:5000/a/b",
    "https://host/a/b?token=hunter2",
    "https://huggingface.co/a/b#hunter2",
    "http://hunter2@h/n/m@sha256:aa",
    "user:hunter2@h/a/library/m",
    "h/a/library/m?token=hunter2",
    "h/a/hunter2@hf.co/b/m",
  ];
  for (const text of texts) {
    const error = refusal(text);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hunter2/);
  }
});

Deno.test("parseName() escapes terminal control characters", () => {
  const { message } = refusal("a\x1b[2J\u009b\u202eb\n");
  assert(message.includes(String.raw`"a\u001b[2J\u009b\u202eb"`), message);
});

Deno.test("parseName() reports an unknown flag given as a name", () => {
  assert.match(refusal("-m").hint ?? "", /flag/);
});

Deno.test("parseName() names the invalid part, the character and the allowed ones", () => {
  const error = refusal("my.org/m");
  assert.match(error.message, /namespace "my\.org" contains "\."/);
  assert.match(refusal("modèle").message, /model "modèle" contains "è"/);
  assert.match(refusal("m:.x").message, /tag "\.x" starts with "\."/);
  assert.match(refusal(`m:${"t".repeat(81)}`).message, /longer than 80/);
  assert.match(refusal("m:").message, /tag is missing/);
  assert.match(refusal("modèle").hint ?? "", /80 letters, digits, "_", "-" and "\."/);
  assert.match(refusal("[::1]:5000/a/b").hint ?? "", /IPv6/);
});

const LETTER = [..."abzAZ059_"];
const part = (more: string, max: number) =>
  fc.tuple(
    fc.constantFrom(...LETTER),
    fc.array(fc.constantFrom(...LETTER, ...more), { maxLength: max - 1 }),
  ).map(([first, rest]) => first + rest.join(""));
const validName: fc.Arbitrary<ModelName> = fc.record({
  host: part("-.:", 350),
  namespace: part("-", 80),
  model: part("-.", 80),
  tag: part("-.", 80),
}, { noNullPrototype: true });
const nearName = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...'aZ0_-./:\\@?#% \0\n"é'), maxLength: 20 }),
  fc.array(
    fc.constantFrom("http://", "a", "B9", "/", ":", "..", "-", ":cloud", ":local", "@", "_"),
  ),
).map((text) => typeof text === "string" ? text : text.join(""));

Deno.test("parseName() parses the output of fullName() and displayName()", () => {
  fc.assert(fc.property(validName, (name) => {
    fc.pre(!/(^|-)(cloud|local)$/i.test(name.tag));
    assert.deepEqual(parseName(fullName(name)), name);
    assert(sameName(parseName(displayName(name)), name));
  }));
  fc.assert(fc.property(nearName, (text) => {
    let name: ModelName;
    try {
      name = parseName(text);
    } catch {
      return;
    }
    const { scheme: _, ...identity } = name;
    assert.deepEqual(parseName(fullName(name)), identity);
  }));
});

Deno.test("parseName() returns parts without path traversal, or throws invalid_name", () => {
  fc.assert(
    fc.property(nearName, (text) => {
      let name: ModelName;
      try {
        name = parseName(text);
      } catch (error) {
        assert(error instanceof PullamaError && error.kind === "invalid_name");
        assert(error.hint && !CONTROL.test(error.message + error.hint), error.message);
        return;
      }
      for (const each of [name.host, name.namespace, name.model, name.tag]) {
        assert.match(each, /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/);
      }
      assert(!/:/.test(name.namespace + name.model + name.tag));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("nameOfParts() takes parts literally and refuses invalid ones", () => {
  assert.deepEqual(nameOfParts("h:1", "n", "m", "local"), {
    host: "h:1",
    namespace: "n",
    model: "m",
    tag: "local",
  });
  assert.equal(nameOfParts("h", "n", "m", ".DS_Store"), undefined);
  assert.equal(nameOfParts("h", "n", "m", ""), undefined);
  assert.equal(nameOfParts("h", "a.b", "m", "t"), undefined);
});

Deno.test("displayName() omits the default host and namespace in any case, but never the tag", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["llama3.2", "llama3.2:latest"],
    ["Registry.Ollama.AI/Library/m", "m:latest"],
    ["user/m:1b", "user/m:1b"],
    ["hf.co/library/m", "hf.co/library/m:latest"],
    ["http://h:1/n/m", "h:1/n/m:latest"],
  ];
  for (const [text, display] of forms) assert.equal(displayName(parseName(text)), display);
});

Deno.test("sameName() compares all parts, ignores the case of the host and ignores the scheme", () => {
  const same = (a: string, b: string) => sameName(parseName(a), parseName(b));
  assert(same("m", `${DEFAULT_HOST}/${DEFAULT_NAMESPACE}/m:${DEFAULT_TAG}`));
  assert(same("http://HF.co/a/b", "hf.co/a/b"));
  for (const other of ["M", "m:Latest", "u/m", "h/library/m"]) assert(!same("m", other), other);
});

Deno.test("plainHttp() accepts http:// for loopback, private and link-local addresses", () => {
  const near = ["localhost:5000", "127.0.0.1", "127.1", "10.0.0.7:80", "192.168.1.2", "LOCALHOST"];
  for (const host of [...near, "0x7f000001", "169.254.1.1", "reg.localhost"]) {
    assert.equal(plainHttp(parseName(`http://${host}/n/m`), false), true, host);
  }
  const far = ["8.8.8.8", "0.0.0.0", "registry.ollama.ai", "10.0.0.1.nip.io", "172.32.0.1"];
  for (const host of far) {
    assert.throws(() => plainHttp(parseName(`http://${host}/n/m`), false), { kind: "usage" }, host);
    assert.equal(plainHttp(parseName(`http://${host}/n/m`), true), true, host);
  }
});

Deno.test("plainHttp() selects https by default, and http with --insecure whatever the scheme", () => {
  for (const text of ["m", "https://localhost/n/m", "10.0.0.1/n/m"]) {
    assert.equal(plainHttp(parseName(text), false), false, text);
    assert.equal(plainHttp(parseName(text), true), true, text);
  }
});

Deno.test("plainHttp() refuses a host that is invalid in a URL", () => {
  for (const host of ["a:b", "h:99999", "a:1:2", "1.2.3.4.5", "256.0.0.1"]) {
    for (const insecure of [true, false]) {
      const name = parseName(`${host}/n/m`);
      assert.throws(() => plainHttp(name, insecure), { kind: "invalid_name" }, host);
    }
  }
});
