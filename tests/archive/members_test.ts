import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { contentsOf } from "../../src/archive/contents.ts";
import { END, headerOf, membersIn, padded } from "../../src/archive/format.ts";
import { PullamaError } from "../../src/core/errors.ts";
import { fullName } from "../../src/core/name.ts";
import { noSignal } from "../store/world.ts";

const HEX = "ab".repeat(32);
const BLOB = `blobs/sha256-${HEX}`;
const MANIFEST = "manifests/registry.ollama.ai/library/a/latest";
const CONTENT = new TextEncoder().encode(JSON.stringify({
  schemaVersion: 2,
  layers: [{ mediaType: "application/vnd.ollama.image.model", digest: `sha256:${HEX}`, size: 5 }],
}));

type Fields = ConstructorParameters<typeof Header>[0];

/** A member with any header. */
function member(path: string, bytes: string | Uint8Array = "", fields: Fields = {}): Uint8Array {
  const body = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const type = "File" as const;
  const header = new Header({ path, mode: 0o644, size: body.length, type, ...fields as object });
  header.encode();
  return joined(header.block!, body, new Uint8Array(padded(body.length) - body.length));
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

async function contents(...pieces: readonly Uint8Array[]) {
  const bytes = joined(...pieces);
  return await contentsOf({
    size: bytes.length,
    readAt(buffer, position) {
      const piece = bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      return Promise.resolve(piece.length);
    },
    close() {},
  }, noSignal());
}

Deno.test("members in any order and form are the same models", async () => {
  const model = member(MANIFEST, CONTENT);
  const blob = member(BLOB, "bytes");
  const folder = (path: string) => member(path, "", { type: "Directory" });
  const long = joined(
    member("././@LongLink", `${BLOB}\0`, { type: "NextFileHasLongPath" }),
    member("cut", "bytes"),
  );
  const extended = joined(
    new Uint8Array(new Pax({ path: BLOB, size: 5, mtime: new Date(5) }).encode()),
    member("x", "bytes", { size: 0 }).subarray(0, 512),
    new Uint8Array(512).fill(1),
  );
  const global = new Uint8Array(new Pax({ comment: "abc" }, true).encode());
  for (
    const archive of [
      [blob, model, END],
      [model, blob, END],
      [model, blob],
      [blob, model.subarray(0, 512 + CONTENT.length)],
      [
        folder("./"),
        folder("./blobs/"),
        member(`./${BLOB}`, "bytes"),
        folder("manifests"),
        model,
        END,
      ],
      [folder("manifests/registry.ollama.ai/library/a/"), model, long, END],
      [global, extended, model, END],
      [member(BLOB, "bytes", { type: "OldFile" }), model, END, new Uint8Array(20_000).fill(7)],
    ]
  ) {
    const { models, blobs } = await contents(...archive);
    assert.deepEqual(models.map(({ name }) => fullName(name)), [
      "registry.ollama.ai/library/a:latest",
    ]);
    assert.deepEqual(models[0]!.manifest.bytes, CONTENT);
    assert.deepEqual([...blobs].map(([digest, { size }]) => [digest, size]), [[
      `sha256:${HEX}`,
      5,
    ]]);
  }
});

Deno.test("anything else than blobs and manifests is refused by its name", async () => {
  const model = member(MANIFEST, CONTENT);
  const link = (type: "Link" | "SymbolicLink", path = BLOB) =>
    member(path, "", { type, linkpath: "/etc/passwd" });
  const sparse = joined(
    member("PaxHeaders/x", "22 GNU.sparse.major=1\n", { type: "ExtendedHeader" }),
    member(BLOB, "bytes"),
  );
  const cases: readonly (readonly [pieces: readonly Uint8Array[], message: RegExp])[] = [
    [[member("../x", "1")], /has "\.\.\/x", which is no blob or manifest/],
    [[member("/etc/passwd", "1")], /has "\/etc\/passwd"/],
    [[member(`blobs/../${BLOB}`, "1")], /which is no blob or manifest/],
    [[member("blobs/sha256-ABC", "1")], /which is no blob or manifest/],
    [[member(BLOB.toUpperCase(), "1")], /which is no blob or manifest/],
    [[member("manifests/../../x/y/z", "1")], /which is no blob or manifest/],
    [[member("manifests/h/n/m/t/u", "1")], /which is no blob or manifest/],
    [[member("manifests/h/n/.hidden/t", "1")], /which is no blob or manifest/],
    [[member("manifests/h/n/m\x1b[31m/t", "1")], /has "manifests\/h\/n\/m\\u001b\[31m\/t"/],
    [[member("blobs\\sha256-x", "1")], /which is no blob or manifest/],
    [[member(".pullm/ledger.json", "1")], /has "\.pullm\/ledger\.json"/],
    [[member("../", "", { type: "Directory" })], /has the folder "\.\.\/"/],
    [[member("manifests/../..", "", { type: "Directory" })], /has the folder/],
    [[link("SymbolicLink")], /which is no regular file \(SymbolicLink\)/],
    [[link("Link")], /which is no regular file \(Link\)/],
    [[member(BLOB, "", { type: "CharacterDevice" })], /no regular file \(CharacterDevice\)/],
    [[member(BLOB, "", { type: "FIFO" })], /no regular file \(FIFO\)/],
    [[member(BLOB, "12", { type: "SparseFile" })], /no regular file \(SparseFile\)/],
    [[sparse], /it has a sparse file/],
    [[member(BLOB, "1"), member(`./${BLOB}`, "2")], /has "blobs\/sha256-\w+" twice/],
    [[model, member(MANIFEST, CONTENT)], /has "manifests\/.*" twice/],
    [
      [model, member(MANIFEST.replace("/a/", "/A/"), CONTENT)],
      /has ".*\/a\/latest" and ".*\/A\/latest", which differ only in case/,
    ],
    [[member(MANIFEST, "")], /has an empty/],
    [[member(MANIFEST, "{}")], /is no manifest of a model/],
    [[member(MANIFEST, '{"schemaVersion":2,"manifests":[]}')], /is no manifest of a model/],
    [[member(BLOB, "1")], /it has no manifest, so no model/],
    [[member(MANIFEST, "", { size: 2 ** 40 })], /it is cut off/],
    [[member(BLOB, "", { size: 2 ** 52 }), model], /it is cut off/],
    [[member("x".repeat(20), "1".repeat(70_000), { type: "ExtendedHeader" })], /damaged at byte 0/],
    [[model, new Uint8Array(512).fill(3)], /it is damaged at byte 1024/],
  ];
  for (const [pieces, message] of cases) {
    await assert.rejects(contents(...pieces), (error) => {
      assert.ok(error instanceof PullamaError && error.kind === "archive", String(error));
      assert.match(error.message, message);
      assert.match(error.message, /^[\x20-\x7e]{5,400}$/);
      return true;
    });
  }
});

Deno.test("a file of more than 8 GiB has its size in an extended header, and long names are whole", async () => {
  const size = 2 ** 33 + 5;
  const path = `manifests/${"h".repeat(60)}/${"n".repeat(70)}/${"m".repeat(70)}/${"t".repeat(70)}`;
  const bytes = joined(headerOf({ path: BLOB, size, modifiedMs: 1_700_000_000_999 }));
  assert.match(new TextDecoder().decode(bytes), new RegExp(`\\d+ size=${size}\n`));
  const source = joined(headerOf({ path, size: 0, modifiedMs: 0 }), bytes);
  let position = 0;
  const input = {
    get position() {
      return position;
    },
    read(length: number) {
      const piece = source.slice(position, position + length);
      position += piece.length;
      return Promise.resolve(piece.length > 0 ? piece : undefined);
    },
    skipTo(to: number) {
      position = to;
      return Promise.resolve();
    },
  };
  const found = await Array.fromAsync(membersIn(input));
  assert.deepEqual(found.map((one) => [one.path, one.size]), [[path, 0], [BLOB, size]]);
});
