/**
 * Every small file that is read, almost as it was written: what is taken from it could have been in it, and what is
 * not a file of ours is refused, or costs what it would have saved.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { type Digest, isDigest } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import { templateTraits } from "../../src/core/go_template.ts";
import { fullName, parseName } from "../../src/core/name.ts";
import { holderOf } from "../../src/io/lock.ts";
import { givenOf, keyOf, nameOf } from "../../src/queue/entry.ts";
import { formatQueue, parseQueue } from "../../src/queue/format.ts";
import { add, failed, finished, next, requeued } from "../../src/queue/queue.ts";
import { findPassword } from "../../src/registry/auth/docker_config.ts";
import { readKey } from "../../src/registry/auth/key.ts";
import { readIntents, recordIntent } from "../../src/store/layout/intents.ts";
import { noteReplaced, readReplaced } from "../../src/store/layout/replaced.ts";
import { folderAt } from "../../src/store/layout/folder.ts";
import { Ledger, verifiedFile } from "../../src/store/layout/verified.ts";
import { parseConfig } from "../../src/store/manifests/config.ts";
import { decodeCheckpoint } from "../../src/store/partial/checkpoint.ts";
import { readPositions } from "../../src/store/partial/positions.ts";
import { claimsOf } from "../../src/store/partial/resume.ts";
import { readGguf } from "../../src/store/show/gguf.ts";
import { readTensors } from "../../src/store/show/safetensors.ts";
import { wholeOf } from "../fakes/content.ts";
import { gguf } from "../fakes/gguf.ts";
import { damaged, damagedJson, damagedText, trials } from "../fakes/mutate.ts";
import { KEY, PUBLIC, SEED } from "../registry/auth/keys.ts";
import { safetensors, tensor } from "../store/show/safetensors_writer.ts";
import { noSignal, World } from "../store/world.ts";

const digest = (n: number): Digest => `sha256:${n.toString(16).padStart(64, "b")}`;
const BLOB = { mediaType: "m", digest: digest(1), size: 300 };
const CHECKPOINTS = [
  {
    version: 2,
    tool: "pullama/test",
    digest: BLOB.digest,
    size: BLOB.size,
    proven: [
      { start: 200, end: 250, digest: digest(4), from: "registry" },
      { start: 260, end: 270, from: "live" },
      { start: 280, end: 300, from: "adopted" },
    ],
    prefix: [{ end: 100, digest: digest(4) }, { end: 200, digest: digest(5) }],
    holes: [{ start: 10, end: 20 }],
    searched: 3,
  },
  {
    version: 1,
    digest: BLOB.digest,
    size: BLOB.size,
    chunks: [
      { start: 0, end: 99, expected_digest: digest(4), verified: true },
      { start: 100, end: 199, expected_digest: "", verified: true },
      { start: 200, end: 299, verified: false },
    ],
  },
];

Deno.test("a checkpoint that is almost valid claims only bytes of its blob, and few enough", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CHECKPOINTS).chain((one) => damagedJson(one)),
      fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { maxLength: 5 }),
      fc.nat(BLOB.size),
      (bytes, live, limit) => {
        let checkpoint;
        try {
          checkpoint = decodeCheckpoint(bytes, BLOB, "c.json");
        } catch (error) {
          assert.ok(
            error instanceof PullamaError && /newer pullama/.test(error.message) && error.hint,
          );
          return;
        }
        const ranges = live.map(([start, end]) => ({ start, end: Math.min(end, limit) }))
          .filter(({ start, end }) => start < end);
        const { claims, prefixDigests } = claimsOf(checkpoint, ranges, limit);
        let hashed = 0;
        for (const { start, end, digest } of claims) {
          assert.ok(Number.isSafeInteger(start) && 0 <= start && start < end && end <= limit);
          if (digest !== undefined) hashed += end - start;
        }
        assert.ok(hashed <= 2 * BLOB.size);
        assert.ok(prefixDigests.every(({ end }, i) => end > (prefixDigests[i - 1]?.end ?? 0)));
      },
    ),
    trials(300, 20_000),
  );
});

Deno.test("positions that are almost as they were written are ranges of the file", async () => {
  await using world = await World.make();
  const path = `${world.root}/x.live`;
  const line = (start: number, end: number) =>
    `${[start, end].map((one) => String(one).padStart(16, "0")).join(" ")}`.padEnd(63) + "\n";
  const header = "pullama live 1 boot 1700000000 run 0a1b2c3d".padEnd(63) + "\n";
  const valid = header + line(0, 100) + line(200, 220) + line(0, 0) + line(250, 300);
  await fc.assert(
    fc.asyncProperty(
      damagedText(valid, ["boot", "run", line(5, 10)]),
      fc.nat(300),
      async (bytes, limit) => {
        Deno.writeFileSync(path, bytes);
        for (const { start, end } of await readPositions(path, 1_700_000_000, limit)) {
          assert.ok(0 <= start && start < end && end <= limit);
        }
      },
    ),
    trials(150, 4_000),
  );
});

Deno.test("a ledger that is almost valid vouches for no file that it does not describe", async () => {
  await using world = await World.make();
  const { paths } = world;
  await Deno.mkdir(paths.temporary, { recursive: true });
  const file = `${world.root}/file`;
  Deno.writeTextFileSync(file, "content");
  const info = verifiedFile(Deno.statSync(file));
  const entry = {
    size: info.size,
    mtime_ms: info.mtimeMs,
    inode: info.ino,
    verified_at: "2026-01-01T00:00:00Z",
  };
  const other = { ...entry, inode: info.ino! + 1 };
  const valid = { version: 1, blobs: { [digest(1)]: entry, [digest(2)]: other } };
  await fc.assert(
    fc.asyncProperty(damagedJson(valid, [JSON.stringify(valid.blobs)]), async (bytes) => {
      Deno.writeFileSync(paths.ledger, bytes);
      const ledger = await Ledger.open(folderAt(paths));
      for (const one of [digest(1), digest(2), digest(3), "__proto__", "constructor"] as Digest[]) {
        if (!ledger.vouchesFor(one, info)) continue;
        const written = JSON.parse(new TextDecoder().decode(bytes)).blobs[one];
        assert.deepEqual(
          [written.size, written.mtime_ms, written.inode],
          [info.size, info.mtimeMs, info.ino],
        );
      }
      // What is added is there afterwards, whatever was there before.
      ledger.note(digest(7), info);
      await ledger.save();
      assert.ok((await Ledger.open(folderAt(paths))).vouchesFor(digest(7), info));
    }),
    trials(50, 800),
  );
});

Deno.test("notes that are almost valid name only models and blobs that there can be", async () => {
  await using world = await World.make();
  const { paths } = world;
  const folder = folderAt(paths);
  await Deno.mkdir(paths.temporary, { recursive: true });
  const digests = new Set([digest(1), digest(2)]);
  const name = parseName("hf.co/some/model:Q4_0");
  (await recordIntent(folder, { name, digests }, { folder: {}, file: {} }, noSignal(), () => {}))
    [Symbol.dispose]();
  await noteReplaced(folder, digest(9), digests, { folder: {}, file: {} });
  const [intent] = await readIntents(paths);
  const [note] = await readReplaced(paths);
  assert.ok(intent && note && note.digests.size === 2 && intent.digests.size === 2);
  const valid = [intent.path, note.path].map((path) => JSON.parse(Deno.readTextFileSync(path)));
  const odd = ['"../.."', '"a/b"', '"LATEST"', '"x:y"', '"sha256:../../x"'];
  await fc.assert(
    fc.asyncProperty(damagedJson(valid[0], odd), damagedJson(valid[1], odd), async (one, two) => {
      Deno.writeFileSync(intent.path, one);
      Deno.writeFileSync(note.path, two);
      for (const { name, digests, path, lock } of await readIntents(paths)) {
        assert.equal(fullName(parseName(fullName(name))), fullName(name));
        for (const digest of digests) assert.ok(isDigest(digest));
        for (const own of [path, lock]) {
          assert.match(own.slice(paths.intents.length), /^\/[0-9a-f]{64}\.\w+$/);
        }
      }
      for (const { digests } of await readReplaced(paths)) {
        for (const digest of digests) assert.ok(isDigest(digest));
      }
    }),
    trials(80, 2_000),
  );
});

const QUEUE = {
  entries: [
    {
      model: "phi3",
      tag: "mini",
      status: "active",
      added_at: "2026-01-02T03:04:05Z",
      finished_at: "0001-01-01T00:00:00Z",
    },
    { model: "m", tag: "t", name: "hf.co/u/m:t", scheme: "http", status: "queued", added_at: null },
    { model: "b", tag: "latest", status: "failed", error: "<&>\u2028", extra: [1] },
  ],
  unknown: { kept: true },
};

Deno.test("a queue that is almost valid is kept as it is, or refused in a sentence with a hint", () => {
  fc.assert(
    fc.property(damagedJson(QUEUE), (bytes) => {
      let queue;
      try {
        queue = parseQueue(bytes, "q.json");
      } catch (error) {
        assert.ok(error instanceof PullamaError && error.kind === "local", String(error));
        assert.ok(error.hint && error.message.length < 500, error.message);
        return;
      }
      const again = parseQueue(new TextEncoder().encode(formatQueue(queue)), "q.json");
      assert.equal(formatQueue(again), formatQueue(queue));
      for (const entry of queue.entries) {
        assert.equal(typeof keyOf(entry), "string");
        const name = nameOf(entry);
        if (name) assert.ok(fullName(name).length > 0 && givenOf(entry).length > 0);
      }
      const now = "2026-01-01T00:00:00Z";
      const added = add(requeued(queue), [parseName("phi3:mini"), parseName("new")], now).queue;
      assert.ok(added.entries.length >= queue.entries.length);
      const taken = next(added);
      for (
        const ended of taken ? [finished(taken.queue, now), failed(taken.queue, "x", now)] : []
      ) {
        assert.equal(ended.entries.length, added.entries.length);
      }
    }),
    trials(200, 6_000),
  );
});

const PASSWORD = "s3cret-Pa55word!";

Deno.test("Docker's config file that is almost valid gives text, or a reason without the password", async () => {
  const auth = btoa(`me:${PASSWORD}`);
  const config = {
    auths: {
      "registry.example": { auth },
      "https://registry.example/v1/": { username: "me", password: PASSWORD, identitytoken: "" },
      other: { auth },
    },
    credHelpers: { "registry.example": "ecr-login" },
    credsStore: "desktop",
  };
  let text = new Uint8Array();
  const read = () => Promise.resolve(text);
  await fc.assert(
    fc.asyncProperty(damagedJson(config, [JSON.stringify(auth)]), async (bytes) => {
      text = bytes;
      const found = await findPassword("registry.example", { dockerConfig: "/c", read });
      const { credentials, problem = "" } = found;
      // What is in the place of the helper is its name.
      const quotes = [PASSWORD, auth.slice(0, 12)].some((secret) => problem.includes(secret));
      assert.ok(!quotes || /credential helper/.test(problem), problem);
      assert.ok(problem.length < 200);
      if (!credentials) return;
      assert.equal(typeof credentials.user, "string");
      assert.equal(typeof credentials.password, "string");
    }),
    trials(150, 6_000),
  );
});

Deno.test("a key that is almost valid is the key, or cannot be used and is not quoted", async () => {
  let text = new Uint8Array();
  const read = () => Promise.resolve(text);
  const body = Buffer.from(KEY.split("\n").slice(1, -2).join(""), "base64");
  const packed = damaged(new Uint8Array(body)).map((bytes) =>
    new TextEncoder().encode(
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toBase64()}\n-----END OPENSSH PRIVATE KEY-----\n`,
    )
  );
  const secrets = [
    SEED.slice(0, 12),
    KEY.split("\n")[4]!.slice(8, 30),
    KEY.split("\n")[5]!.slice(0, 20),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(damagedText(KEY, ["-----BEGIN ", "-----END ", "Proc-Type: 4,ENCRYPTED\n"]), packed),
      async (bytes) => {
        text = bytes;
        const key = await readKey("/k", read);
        if ("sign" in key) return assert.equal(key.publicKey, PUBLIC);
        assert.ok(key.reason.length < 200 && key.hint.length < 300);
        assert.ok(!secrets.some((secret) => `${key.reason}${key.hint}`.includes(secret)));
      },
    ),
    trials(150, 3_000),
  );
});

Deno.test("the note of a lock that is almost valid is a short printable line, or none", async () => {
  await using world = await World.make();
  const path = `${world.root}/x.lock`;
  await fc.assert(
    fc.asyncProperty(
      damagedText("pid 4711 on host\n0a1b\n", ["pid ", "\x1b[2J"]),
      fc.boolean(),
      async (bytes, held) => {
        for (const name of [path, `${path}.held`]) {
          if (held || name === path) {
            Deno.writeFileSync(name, bytes);
          }
        }
        const holder = await holderOf(path);
        assert.ok(holder === undefined || /^[\x20-\x7e]{1,200}$/.test(holder), holder);
      },
    ),
    trials(80, 2_000),
  );
});

const TEMPLATE = '{{- if .Tools }}{{ range $i, $_ := .Messages }}{{ if eq .Role "user" }}<think>' +
  "{{ .Thinking }}</think>{{ else if .ToolCalls }}{{ .Suffix }}{{- end }}{{ end }}{{/* x */}}{{ end -}}";

Deno.test("the parts of a model that are almost valid are read, or a fault is told", async () => {
  await using world = await World.make();
  const path = `${world.root}/tensor`;
  const config = {
    model_format: "gguf",
    model_family: "llama",
    model_families: ["llama"],
    model_type: "8.0B",
    file_type: "Q4_0",
    capabilities: ["tools"],
    context_length: 8192,
    remote_host: "https://ollama.com:443",
  };
  const header = {
    __metadata__: { quant_type: "int4" },
    "a.weight": tensor("U32", 64, 32),
    "a.weight.scale": tensor("BF16", 64, 8),
    b: tensor("F32", 5),
  };
  const model = wholeOf(gguf(0, 1, "tiny"));
  await fc.assert(
    fc.asyncProperty(
      damagedJson(config),
      damagedJson(header),
      fc.nat(3),
      damaged(model.slice(0, 4000), ["GGUF", "general.name"]),
      damagedText(TEMPLATE, ["{{", "}}", "-", "/*", "*/", "`", "end", "range"]),
      async (json, tensors, lie, weights, template) => {
        const read = parseConfig(json);
        for (const value of Object.values(read ?? {})) {
          assert.ok(typeof value !== "number" || (Number.isSafeInteger(value) && value > 0));
        }
        const file = safetensors(new TextDecoder().decode(tensors));
        if (lie === 0) file.set([0xff, 0xff, 0xff, 0xff], 2);
        Deno.writeFileSync(path, file);
        const found = await readTensors(path).catch((error) => {
          assert.ok(error instanceof PullamaError && error.kind === "local", String(error));
          return [];
        });
        for (const { elements } of found) assert.ok(elements >= 0);
        const source = {
          read: (at: number, into: Uint8Array) => {
            const part = weights.subarray(at, at + into.length);
            into.set(part);
            return Promise.resolve(part.length);
          },
        };
        const start = await readGguf(source, { tensors: true });
        assert.ok(start === undefined || start.values.size <= 2 ** 16);
        const traits = templateTraits(new TextDecoder().decode(template));
        assert.ok(traits === undefined || typeof traits.thinking === "boolean");
      },
    ),
    trials(80, 2_500),
  );
});
