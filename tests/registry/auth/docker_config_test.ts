import assert from "node:assert/strict";
import { basicHeader, findPassword } from "../../../src/registry/auth/docker_config.ts";
import { temporaryFolder } from "../../real/child.ts";
import { fileWith } from "./keys.ts";

/** "user:password" for a host in a Docker config file with this text, or why there is none. */
async function docker(config: unknown, host: string): Promise<string | undefined> {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  await using file = await fileWith(text);
  const { credentials, problem } = await findPassword(host, { dockerConfig: file.path });
  if (!credentials) return problem?.replace(file.path, "FILE");
  assert.equal(credentials.source, file.path);
  return `${credentials.user}:${credentials.password}`;
}

const auth = btoa("me:pass:word");

Deno.test("findPassword() prefers the login set for the host to Docker's config file", async () => {
  await using file = await fileWith(JSON.stringify({ auths: { "h:5000": { auth } } }));
  const login = { host: "H:5000", user: "u", password: "p" };
  const find = async (host: string) => {
    const sources = { login, dockerConfig: file.path };
    return (await findPassword(host, sources)).credentials?.user;
  };
  assert.equal(await find("h:5000"), "u");
  assert.equal(await find("h"), undefined);
  assert.equal(await find("h:5001"), undefined);
  const other = { login: { ...login, host: "other" }, dockerConfig: file.path };
  assert.equal((await findPassword("h:5000", other)).credentials?.user, "me");
});

Deno.test("findPassword() reads all forms of hosts in Docker's config file", async () => {
  const keys = ["r.example", "R.Example", "https://r.example", "http://r.example/v1/"];
  for (const key of keys) {
    assert.equal(await docker({ auths: { [key]: { auth } } }, "r.example"), "me:pass:word", key);
  }
  const both = {
    auths: { "https://r.example/v1/": { auth: btoa("old:x") }, "r.example": { auth } },
  };
  assert.equal(await docker(both, "r.example"), "me:pass:word");
  assert.equal(await docker({ auths: { "r.example.evil": { auth } } }, "r.example"), undefined);
  assert.equal(await docker({ auths: { "r.example:443": { auth } } }, "other"), undefined);
});

Deno.test("findPassword() knows Docker Hub by each of its names", async () => {
  const config = { auths: { "https://index.docker.io/v1/": { auth } } };
  for (const host of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
    assert.equal(await docker(config, host), "me:pass:word");
  }
  assert.equal(await docker(config, "evil.docker.io"), undefined);
});

Deno.test("findPassword() says why Docker's config file cannot be used", async () => {
  assert.equal(await docker("{", "h"), "FILE is not valid JSON");
  assert.equal(await docker({ auths: { h: {} } }, "h"), "FILE has no password for this host");
  const token = { auths: { h: { auth: btoa("0000:"), identitytoken: "ey" } } };
  assert.match((await docker(token, "h"))!, /^FILE has an identity token for this host/);
  assert.match((await docker({ auths: { h: { auth: "%%%" } } }, "h"))!, /invalid entry/);
  assert.match((await docker({ auths: { h: { auth: btoa(":p") } } }, "h"))!, /invalid entry/);
  for (const odd of ["[]", "null", "3", '{"auths":[]}', '{"auths":{"h":3}}', '{"auths":null}']) {
    assert.equal(await docker(odd, "h"), undefined, odd);
  }
  assert.equal(await docker({ auths: {} }, "__proto__"), undefined);
});

Deno.test("findPassword() reads user name and password that are not encoded, as Docker does", async () => {
  const plain = { username: "me", password: "pass:word" };
  assert.equal(await docker({ auths: { h: plain } }, "h"), "me:pass:word");
  assert.equal(await docker({ auths: { h: { ...plain, auth: "" } } }, "h"), "me:pass:word");
  const both = { auths: { h: { ...plain, auth: btoa("you:secret") } } };
  assert.equal(await docker(both, "h"), "you:secret");
  const helped = { credsStore: "desktop", auths: { h: plain } };
  assert.equal(await docker(helped, "h"), "me:pass:word");
});

Deno.test("findPassword() names the helper that Docker would run", async () => {
  const problem = (name: string) => `FILE uses the credential helper "${name}", which is not run`;
  const store = { credsStore: "desktop", auths: { h: {} } };
  assert.equal(await docker(store, "h"), problem("desktop"));
  assert.equal(await docker({ credsStore: "desktop" }, "h"), problem("desktop"));
  const own = { ...store, credHelpers: { h: "ecr-login" } };
  assert.equal(await docker(own, "h"), problem("ecr-login"));
  assert.equal(await docker({ credHelpers: { h: "ecr-login" } }, "other"), undefined);
});

Deno.test("findPassword() works without Docker's config file", async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(await findPassword("h", {}), {});
  const dockerConfig = `${folder.path}/config.json`;
  assert.deepEqual(await findPassword("h", { dockerConfig }), {});
  const { problem } = await findPassword("h", { dockerConfig: folder.path });
  assert.equal(problem, `${folder.path} cannot be read`);
});

Deno.test("findPassword() cuts off the zeros with which Docker pads, however many there are", async () => {
  const read = (password: string) =>
    docker({ auths: { h: { auth: btoa(`me:${password}`) } } }, "h");
  assert.equal(await read("p\0\0\0"), "me:p");
  assert.equal(await read("\0\0"), "me:");
  const inside = `${"\0".repeat(500_000)}p`;
  assert.equal(await read(`${inside}\0`), `me:${inside}`);
});

Deno.test("basicHeader() encodes as UTF-8", () => {
  assert.equal(basicHeader({ user: "é", password: "a:b", source: "" }), "Basic w6k6YTpi");
});
