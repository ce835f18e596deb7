import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { addressOf, basicLogin, proxiesIn, type Proxy } from "../../../src/registry/net/proxy.ts";

type Env = Readonly<Record<string, string>>;

function proxyFor(env: Env, url: string): Proxy | undefined {
  return proxiesIn((name) => env[name])(new URL(url));
}

/** The proxy as a URL, preceded by its login. */
function named(value: string, protocol = "https"): string | undefined {
  const env = { [`${protocol.toUpperCase()}_PROXY`]: value };
  const proxy = proxyFor(env, `${protocol}://registry.example/`);
  if (!proxy) return undefined;
  const login = proxy.login ? `${proxy.login.username}|${proxy.login.password} ` : "";
  return `${login}${proxy.protocol}//${addressOf(proxy)}`;
}

const SPELLINGS: readonly (readonly [value: string, proxy: string])[] = [
  ["http://proxy.example:3128", "http://proxy.example:3128"],
  ["http://proxy.example:3128/", "http://proxy.example:3128"],
  ["http://proxy.example", "http://proxy.example:80"],
  ["HTTP://Proxy.Example:", "http://proxy.example:80"],
  ["https://proxy.example", "https://proxy.example:443"],
  ["https://proxy.example:80", "https://proxy.example:80"],
  ["socks5://proxy.example", "socks5://proxy.example:1080"],
  ["socks5h://proxy.example:80", "socks5h://proxy.example:80"],
  ["proxy.example:3128", "http://proxy.example:3128"],
  ["proxy.example", "http://proxy.example:80"],
  ["localhost:3128", "http://localhost:3128"],
  [" 10.0.0.1:8080 ", "http://10.0.0.1:8080"],
  ["[fd00:0::1]:3128", "http://[fd00::1]:3128"],
  ["http://user:pass@proxy.example:3128", "user|pass http://proxy.example:3128"],
  ["user:pass@proxy.example:3128", "user|pass http://proxy.example:3128"],
  ["http://user@proxy.example", "user| http://proxy.example:80"],
  ["http://us%40er:p%3A%2Fss@proxy.example", "us@er|p:/ss http://proxy.example:80"],
  ["http://user:p@ss:w@proxy.example", "user|p@ss:w http://proxy.example:80"],
  ["socks5://user:pass@proxy.example", "user|pass socks5://proxy.example:1080"],
];
for (const [value, proxy] of SPELLINGS) {
  Deno.test(`proxiesIn() reads "${value}" as ${proxy}`, () => assert.equal(named(value), proxy));
}

const WRONG = [
  "http://",
  "://h",
  "http://user:5ec4et@",
  "ftp://user:5ec4et@proxy.example",
  "socks4://proxy.example",
  "http://proxy.example:99999",
  "http://proxy.example:0",
  "http://user:5ec4et%zz@proxy.example",
  "http://user:5ec/4et@proxy.example",
  "http://user:5/5ec4et@proxy.example",
  "http://pro xy.example",
  "http://[::1",
  "proxy.example:5ec4et",
];
for (const value of WRONG) {
  Deno.test(`proxiesIn() rejects "${value}" and names the variable, not the value`, () => {
    for (const variable of ["HTTPS_PROXY", "http_proxy"]) {
      assert.throws(() => proxyFor({ [variable]: value }, "https://h/"), (error) => {
        assert.ok(error instanceof PullamaError);
        assert.equal(error.kind, "usage");
        assert.ok(error.message.startsWith(variable));
        assert.doesNotMatch(Deno.inspect(error), /5ec/);
        return true;
      });
    }
  });
}

Deno.test("proxiesIn() reads only the variable of the scheme, upper case first", () => {
  const env = { HTTPS_PROXY: "s", https_proxy: "t", http_proxy: "p", HTTP_PROXY: "" };
  assert.deepEqual(
    ["https://h/", "http://h/", "https://h:80/"].map((url) => {
      const proxy = proxyFor(env, url);
      return [proxy?.host, proxy?.variable];
    }),
    [["s", "HTTPS_PROXY"], ["p", "http_proxy"], ["s", "HTTPS_PROXY"]],
  );
  assert.equal(proxyFor({ HTTPS_PROXY: "s" }, "http://h/"), undefined);
  assert.equal(proxyFor({ HTTP_PROXY: "s" }, "https://h/"), undefined);
  assert.equal(proxyFor({ ALL_PROXY: "s", all_proxy: "s" }, "https://h/"), undefined);
  assert.equal(proxyFor({}, "https://h/"), undefined);
});

Deno.test("proxiesIn() ignores HTTP_PROXY in a CGI script, where it may be a request header", () => {
  const env = { REQUEST_METHOD: "GET", HTTP_PROXY: "p", HTTPS_PROXY: "s" };
  assert.equal(proxyFor(env, "http://h/"), undefined);
  assert.equal(proxyFor(env, "https://h/")?.host, "s");
});

for (
  const host of [
    "localhost",
    "LOCALHOST:5000",
    "127.0.0.1",
    "127.1",
    "127.99.0.1:5000",
    "[::1]",
    "[::ffff:127.0.0.1]:5000",
  ]
) {
  Deno.test(`case 63: a request to ${host} is direct`, () => {
    const env = { HTTPS_PROXY: "s", HTTP_PROXY: "p" };
    assert.equal(proxyFor(env, `https://${host}/`), undefined);
    assert.equal(proxyFor(env, `http://${host}/`), undefined);
  });
}

/** Entries of NO_PROXY, hosts reached directly, and hosts that are not. Default port: 443. */
const EXCEPTIONS: readonly (readonly [noProxy: string, direct: string, proxied: string])[] = [
  ["", "", "h.example localhost.example 10.0.0.1 [fd00::1]"],
  ["*", "h.example 10.0.0.1 [fd00::1]", ""],
  ["a.example,*", "h.example", ""],
  ["example.com", "example.com www.example.com a.b.example.com:8443", "notexample.com example.org"],
  ["EXAMPLE.com", "example.COM www.Example.com", "com"],
  [".example.com", "www.example.com", "example.com notexample.com"],
  ["*.example.com", "www.example.com a.b.example.com", "example.com"],
  ["example.com:8443", "example.com:8443 a.example.com:8443", "example.com example.com:8080"],
  ["example.com:443", "example.com", "example.com:8443"],
  [" a.example , b.example", "a.example b.example", "c.example"],
  [",,a.example,", "a.example", "b.example"],
  ["b\u00fccher.example", "b\u00fccher.example xn--bcher-kva.example", "bucher.example"],
  ["10.0.0.1", "10.0.0.1 10.0.0.1:5000 [::ffff:10.0.0.1]", "10.0.0.2 110.0.0.1 h.example"],
  ["10.0.0.1:5000", "10.0.0.1:5000", "10.0.0.1"],
  ["10.0.0.0/8", "10.1.2.3 10.255.0.1:5000", "11.0.0.1 [fd00::1] h.example"],
  ["192.168.4.0/22", "192.168.4.1 192.168.7.255", "192.168.8.0 192.168.3.255"],
  ["0.0.0.0/0", "1.2.3.4", "[2001:db8::1]"],
  ["fd00::/8", "[fd12::1] [fdff::1]:5000", "[fe00::1] 10.0.0.1"],
  ["2001:db8::1", "[2001:db8::1] [2001:db8:0:0::1]", "[2001:db8::2]"],
  ["[2001:db8::1]:5000", "[2001:db8::1]:5000", "[2001:db8::1]"],
  ["10.0.0.0/33,10.0.0.0/x,300.0.0.1,:80,.,[", "", "10.0.0.1 h.example"],
  ["1", "", "10.0.0.1 h.1.example"],
];
for (const [noProxy, direct, proxied] of EXCEPTIONS) {
  Deno.test(`case 63: NO_PROXY="${noProxy}" is respected`, () => {
    const env = { HTTPS_PROXY: "proxy.example", no_proxy: noProxy };
    const through = (host: string) => proxyFor(env, `https://${host}/`) !== undefined;
    const words = (text: string) => text.split(" ").filter((word) => word !== "");
    assert.deepEqual(words(direct).filter(through), [], "should be direct");
    assert.deepEqual(words(proxied).filter((host) => !through(host)), [], "should be proxied");
  });
}

Deno.test("basicLogin() follows RFC 7617, in UTF-8", () => {
  const proxy = proxyFor({ HTTPS_PROXY: "u:%C3%9F:x@h" }, "https://registry.example/")!;
  assert.equal(basicLogin(proxy), "Basic dTrDnzp4");
  assert.equal(basicLogin({ ...proxy, login: undefined as never }), undefined);
});
