/** install.sh beside an https server of files, in a world where only some programs are to be found. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { installerFor, writeInstallers } from "../../build.ts";
import { certificate, certificateKey } from "../fakes/certificate.ts";
import { exists } from "../fakes/exists.ts";
import { needing } from "../needs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPT = Deno.readTextFileSync(`${ROOT}install.sh`);
const POWERSHELL = Deno.readTextFileSync(`${ROOT}install.ps1`);

/** What the script may use; everything else is as if it were not installed. */
const TOOLS = ["head", "mkdir", "mktemp", "mv", "rm", "chmod", "curl", "wget"] as const;
const SUMS = { sha256sum: "sha256sum", shasum: "shasum" } as const;
const PROGRAM = '#!/bin/sh\n[ "$1" = version ] && echo "pullama 9.9.9"\n';

interface Machine {
  readonly system?: string;
  readonly machine?: string;
  /** What `ldd --version` says. */
  readonly ldd?: string;
  /** Programs that are not there. */
  readonly without?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** One more folder on the PATH. */
  readonly onPath?: string;
  /** What runs it. */
  readonly prefix?: readonly string[];
  /** The script; default that of the sources. */
  readonly script?: string;
}

interface Installed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** A folder of files to download, and a home to install into. */
class World implements AsyncDisposable {
  readonly files = new Map<string, string>();
  /** Where the server redirects to. */
  readonly redirects = new Map<string, (server: string) => string>();
  readonly #folder = Deno.makeTempDirSync({ prefix: "pullama-install-" });
  readonly home = `${this.#folder}/home`;
  readonly bin = `${this.home}/.local/bin`;
  /** The same files over plain http, while it installs. */
  plain = "";

  constructor() {
    Deno.mkdirSync(this.home);
    Deno.chmodSync(this.#folder, 0o755);
    Deno.writeTextFileSync(`${this.#folder}/ca.pem`, certificate);
    Deno.writeTextFileSync(`${this.home}/.wgetrc`, `ca_certificate = ${this.#folder}/ca.pem\n`);
    this.offer("pullama-linux-amd64", PROGRAM);
  }

  /** Puts a program where it can be downloaded, and lists it. */
  offer(name: string, content: string, listed = content): void {
    const sum = createHash("sha256").update(listed).digest("hex");
    this.files.set(name, content);
    const before = this.files.get("SHA256SUMS") ?? "";
    const others = before.split("\n").filter((line) => line !== "" && !line.endsWith(`  ${name}`));
    this.files.set("SHA256SUMS", [...others, `${sum}  ${name}`, ""].join("\n"));
  }

  async install(machine: Machine = {}): Promise<Installed> {
    const asked: string[] = [];
    const listen = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const respond = (request: Request): Response => {
      const name = new URL(request.url).pathname.slice(1);
      asked.push(`${request.headers.get("user-agent")?.split("/")[0]} ${name}`);
      const location = this.redirects.get(name)?.(`127.0.0.1:${server.addr.port}`);
      if (location !== undefined) return new Response(null, { status: 302, headers: { location } });
      const content = this.files.get(name);
      return new Response(content ?? "not here", { status: content === undefined ? 404 : 200 });
    };
    await using server = Deno.serve({ ...listen, cert: certificate, key: certificateKey }, respond);
    await using plain = Deno.serve(listen, (request) => {
      asked.push("over plain http");
      return respond(request);
    });
    this.plain = `http://127.0.0.1:${plain.addr.port}`;
    const path = [this.#tools(machine), ...(machine.onPath ? [machine.onPath] : [])].join(":");
    const script = `${this.#folder}/install.sh`;
    Deno.writeTextFileSync(script, machine.script ?? SCRIPT);
    const [command = "", ...args] = [...machine.prefix ?? [], "/bin/sh", script];
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args,
      clearEnv: true,
      env: {
        HOME: this.home,
        PATH: path,
        CURL_CA_BUNDLE: `${this.#folder}/ca.pem`,
        PULLAMA_BASE_URL: `https://127.0.0.1:${server.addr.port}/`,
        ...machine.env,
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr), asked };
  }

  /** What lies where the program goes to. */
  installed(): string[] {
    return exists(this.bin) ? [...Deno.readDirSync(this.bin)].map(({ name }) => name) : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** A folder with the programs of that machine alone. */
  #tools(
    { system = "Linux", machine = "x86_64", ldd = "glibc 2.36", without = [] }: Machine,
  ): string {
    const folder = `${this.#folder}/tools`;
    if (exists(folder)) Deno.removeSync(folder, { recursive: true });
    Deno.mkdirSync(folder);
    for (const tool of [...TOOLS, ...Object.values(SUMS)]) {
      const real = ["/usr/bin", "/bin"].map((at) => `${at}/${tool}`).find(exists);
      if (real !== undefined && !without.includes(tool)) {
        Deno.symlinkSync(real, `${folder}/${tool}`);
      }
    }
    const say = (name: string, body: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/sh\n${body}\n`);
      Deno.chmodSync(`${folder}/${name}`, 0o755);
    };
    say("uname", `[ "$1" = -s ] && echo ${system} || echo ${machine}`);
    say("ldd", `echo '${ldd}' >&2; exit 1`);
    return folder;
  }
}

/** Registers a test; where one of the programs it `needs` is missing, its name says so. */
function test(
  name: string,
  fn: (world: World) => Promise<void>,
  needs: readonly string[] = ["/bin/sh", "/usr/bin/curl"],
): void {
  const missing = needs.filter((program) => !exists(program));
  Deno.test({
    name: missing.length === 0 ? name : `${name} [left out, needs ${missing.join(" and ")}]`,
    ignore: missing.length > 0,
    async fn() {
      await using world = new World();
      await fn(world);
    },
  });
}

test("install.sh installs the program of this machine and prints how to uninstall it", async (world) => {
  const { code, out, err, asked } = await world.install();
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(asked, ["curl SHA256SUMS", "curl pullama-linux-amd64"]);
  assert.deepEqual(world.installed(), ["pullama"]);
  assert.equal(Deno.readTextFileSync(`${world.bin}/pullama`), PROGRAM);
  assert.equal(Deno.statSync(`${world.bin}/pullama`).mode! & 0o777, 0o755);
  assert.match(out, new RegExp(`installed pullama 9\\.9\\.9 as ${world.bin}/pullama`));
  assert.match(out, new RegExp(`export PATH="${world.bin}:\\$PATH"`));
  assert.match(out, new RegExp(`to uninstall: rm "${world.bin}/pullama"`));
});

test("install.sh does not mention the PATH if the directory is on it", async (world) => {
  const bin = `${world.home}/own bin`;
  const { code, out, err } = await world.install({ env: { PULLAMA_BIN_DIR: bin } });
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /export PATH/);
  // A folder with a space, and a second time over the first.
  const again = await world.install({
    env: { PULLAMA_BIN_DIR: bin },
    onPath: bin,
  });
  assert.deepEqual([again.code, again.err], [0, ""]);
  assert.doesNotMatch(again.out, /export PATH/);
  assert.deepEqual([...Deno.readDirSync(bin)].map(({ name }) => name), ["pullama"]);
});

test("install.sh picks the file by system and machine", async (world) => {
  const cases = [
    ["Linux", "aarch64", "pullama-linux-arm64"],
    ["Darwin", "x86_64", "pullama-darwin-amd64"],
    ["Darwin", "arm64", "pullama-darwin-arm64"],
  ] as const;
  for (const [system, machine, file] of cases) {
    world.offer(file, PROGRAM);
    const { code, asked } = await world.install({ system, machine });
    assert.deepEqual([code, asked.at(-1)], [0, `curl ${file}`]);
  }
});

test("install.sh uses wget if curl is missing", async (world) => {
  const { code, err, asked } = await world.install({ without: ["curl"] });
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(asked, ["Wget SHA256SUMS", "Wget pullama-linux-amd64"]);
  assert.deepEqual(world.installed(), ["pullama"]);
}, ["/usr/bin/wget"]);

test("install.sh uses shasum if sha256sum is missing", async (world) => {
  const { code, err } = await world.install({ without: ["sha256sum"] });
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(world.installed(), ["pullama"]);
}, ["/usr/bin/shasum"]);

test("install.sh keeps the old program after a checksum mismatch", async (world) => {
  await world.install();
  world.offer("pullama-linux-amd64", `${PROGRAM}# changed\n`, PROGRAM);
  const { code, out, err } = await world.install();
  assert.equal(code, 1);
  assert.match(
    err,
    /^cannot install pullama: checksum mismatch for pullama-linux-amd64: got [0-9a-f]{64}, exp/,
  );
  assert.doesNotMatch(out, /installed/);
  assert.deepEqual(world.installed(), ["pullama"]);
  assert.equal(Deno.readTextFileSync(`${world.bin}/pullama`), PROGRAM);
});

test("install.sh does not install a program that does not run", async (world) => {
  world.offer("pullama-linux-amd64", "#!/bin/sh\necho no such library >&2\nexit 127\n");
  const { code, err } = await world.install();
  assert.equal(code, 1);
  assert.match(
    err,
    /the downloaded program does not run: no such library\nhint: on Linux it needs glibc/,
  );
  assert.deepEqual(world.installed(), []);
});

const REFUSED: readonly (readonly [what: string, machine: Machine, says: RegExp])[] = [
  ["a machine with musl", { ldd: "musl libc (x86_64)" }, /needs glibc, but this system uses musl/],
  ["an unknown machine", { machine: "riscv64" }, /no build for Linux on riscv64/],
  ["an unknown system", { system: "FreeBSD" }, /no build for FreeBSD\nhint: with Deno/],
  ["Windows", { system: "MINGW64_NT-10.0" }, /does not support Windows\nhint: run install\.ps1/],
  ["a machine without curl and wget", { without: ["curl", "wget"] }, /neither curl nor wget/],
  [
    "a machine without sha256sum and shasum",
    { without: ["sha256sum", "shasum"] },
    /neither sha256sum nor shasum/,
  ],
  [
    "a URL that cannot be reached",
    { env: { PULLAMA_BASE_URL: "https://127.0.0.1:1" } },
    /SHA256SUMS/,
  ],
  [
    "a URL that is not https",
    { env: { PULLAMA_BASE_URL: "http://127.0.0.1:1" } },
    /http:\/\/127\.0\.0\.1:1 is not an https URL\nhint: set PULLAMA_BASE_URL/,
  ],
];

for (const [what, machine, says] of REFUSED) {
  test(`install.sh fails with one message, and leaves no files, on ${what}`, async (world) => {
    const { code, out, err } = await world.install(machine);
    assert.equal(code, 1);
    assert.match(err, says);
    assert.match(err, /^(?:curl: .*\n)?cannot install pullama: [^\n]+\n(?:hint: [^\n]+\n)?$/);
    assert.doesNotMatch(out, /installed/);
    assert.deepEqual(world.installed(), []);
  });
}

test("install.sh fails if SHA256SUMS does not list the file", async (world) => {
  const { code, err } = await world.install({ machine: "aarch64" });
  assert.deepEqual([code, err.includes("do not list pullama-linux-arm64")], [1, true]);
});

test("install.sh names the directory that cannot be created", async (world) => {
  Deno.mkdirSync(world.bin, { recursive: true });
  // Not even root can create a directory below a file.
  Deno.writeTextFileSync(`${world.home}/file`, "");
  const { code, err } = await world.install({ env: { PULLAMA_BIN_DIR: `${world.home}/file/bin` } });
  assert.equal(code, 1);
  assert.match(err, /directory .*\/file\/bin cannot be created\nhint: .*PULLAMA_BIN_DIR\n$/);
});

Deno.test(
  needing(["root"], "install.sh sends no request if the directory is not writable"),
  async () => {
    await using world = new World();
    Deno.mkdirSync(world.bin, { recursive: true });
    const nobody = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const { code, err, asked } = await world.install({ prefix: nobody });
    assert.equal(code, 1);
    assert.match(
      err,
      new RegExp(`directory ${world.bin} is not writable\nhint: .*PULLAMA_BIN_DIR`),
    );
    assert.deepEqual(asked, []);
  },
);

for (const without of [[], ["curl"]]) {
  const client = without.length === 0 ? "curl" : "wget";
  test(
    `install.sh with ${client} follows redirects to https, and none to plain http`,
    async (world) => {
      world.files.set("moved/program", PROGRAM);
      world.redirects.set("pullama-linux-amd64", () => "/moved/1");
      world.redirects.set("moved/1", (server) => `//${server}/moved/2`);
      world.redirects.set("moved/2", (server) => `https://${server}/moved/program`);
      const moved = await world.install({ without });
      assert.deepEqual([moved.code, moved.err], [0, ""]);
      assert.deepEqual(world.installed(), ["pullama"]);
      await Deno.remove(`${world.bin}/pullama`);

      for (const name of ["SHA256SUMS", "pullama-linux-amd64", "moved/2"]) {
        const before = world.redirects.get(name);
        world.redirects.set(name, () => `${world.plain}/${name}`);
        const { code, err, asked } = await world.install({ without });
        assert.equal(code, 1, name);
        assert.match(err, /cannot install pullama: https:.* cannot be downloaded\n/);
        assert.ok(!asked.includes("over plain http"), `${name}: ${asked}`);
        assert.deepEqual(world.installed(), []);
        world.redirects.delete(name);
        if (before) world.redirects.set(name, before);
      }
    },
    ["/bin/sh", `/usr/bin/${client}`],
  );
}

test("install.sh with wget gives up after a few redirects", async (world) => {
  world.redirects.set("SHA256SUMS", () => "/SHA256SUMS");
  const { code, asked } = await world.install({ without: ["curl"] });
  assert.equal(code, 1);
  assert.ok(asked.length <= 6, `${asked.length} requests`);
}, ["/bin/sh", "/usr/bin/wget"]);

test("install.sh of a release installs the files of that release, whatever a server says", async (world) => {
  const folder = await Deno.makeTempDir({ prefix: "pullama-release-" });
  await Deno.writeTextFile(`${folder}/pullama-linux-amd64`, PROGRAM);
  const url = "https://example.org/releases/v1";
  const [path] = await writeInstallers([`${folder}/pullama-linux-amd64`], url);
  const script = await Deno.readTextFile(path!);
  await Deno.remove(folder, { recursive: true });

  const { code, err, asked } = await world.install({ script });
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(asked, ["curl pullama-linux-amd64"]);
  await Deno.remove(`${world.bin}/pullama`);

  // The server lists what it sends.
  world.offer("pullama-linux-amd64", `${PROGRAM}# changed\n`);
  const changed = await world.install({ script });
  assert.equal(changed.code, 1);
  assert.match(changed.err, /checksum mismatch for pullama-linux-amd64/);
  assert.deepEqual(world.installed(), []);

  const other = await world.install({ script, machine: "aarch64" });
  assert.match(other.err, /the checksums of this release do not list pullama-linux-arm64/);
});

test("install.sh of the sources requires PULLAMA_BASE_URL", async (world) => {
  const { code, err } = await world.install({ env: { PULLAMA_BASE_URL: "" } });
  assert.equal(code, 1);
  assert.match(err, /no URL to download from\nhint: set PULLAMA_BASE_URL/);
});

Deno.test("a release can insert its URL and its checksums into both install scripts", () => {
  for (const script of [SCRIPT, POWERSHELL]) {
    assert.equal(script.split("@BASE_URL@").length, 2);
    const released = installerFor(script, "https://example.org/v1", "0  a\n1  b\n");
    assert.ok(released.includes("https://example.org/v1") && !released.includes("@BASE_URL@"));
    assert.ok(released.includes("'0  a\n1  b'") && !released.includes("@SHA256SUMS@"));
  }
});

test("install.sh passes shellcheck", async () => {
  const command = new Deno.Command("/usr/bin/shellcheck", { args: [`${ROOT}install.sh`] });
  const { code, stdout } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stdout));
}, ["/usr/bin/shellcheck"]);
