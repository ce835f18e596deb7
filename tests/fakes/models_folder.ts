/**
 * A models folder as left by Ollama, the Go program and desktops, defined as data: which files each
 * of them writes, and under which names. All files are tiny. No code of pullama is used.
 */

import { createHash } from "node:crypto";
import { canLink, linkTo } from "./link.ts";

const LINKS = canLink();
const LIBRARY = "registry.ollama.ai/library";
const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";
const LIST = "application/vnd.ollama.manifest.list.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const IMAGE = "application/vnd.ollama.image.";

/** A layer: the last part of its media type, and its content. */
interface LayerFacts {
  readonly kind: string;
  readonly content: string;
  /** Where `ollama create` read it. */
  readonly from?: string;
  /** Only in safetensors models. */
  readonly name?: string;
}

interface ModelFacts {
  /** Path of the manifest within its tree. */
  readonly place: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: readonly LayerFacts[] | null;
}

const GGUF = { model_format: "gguf", model_family: "llama", model_type: "1.2B", file_type: "Q8_0" };
const TEMPLATE: LayerFacts = { kind: "template", content: "{{ .Prompt }}" };
const LICENSE: LayerFacts = { kind: "license", content: "LLAMA 3.2 COMMUNITY LICENSE" };
const PARAMS: LayerFacts = { kind: "params", content: '{"stop":["<|eot_id|>"]}' };
const weights = (of: string): LayerFacts => ({ kind: "model", content: `GGUF weights of ${of}` });

/** Models in manifests/. */
const MODELS = {
  /** Two tags that share everything except weights and config. */
  llama: {
    place: `${LIBRARY}/llama3.2/latest`,
    config: GGUF,
    layers: [weights("llama3.2 3b"), TEMPLATE, LICENSE, PARAMS],
  },
  small: {
    place: `${LIBRARY}/llama3.2/1b`,
    config: { ...GGUF, model_type: "1B" },
    layers: [weights("llama3.2 1b"), TEMPLATE, LICENSE, PARAMS],
  },
  /** A user's model with the weights of a library model; its tag looks like a lock file. */
  locked: {
    place: "registry.ollama.ai/user/tuned/v1.locked",
    config: { ...GGUF, file_type: "F16" },
    layers: [weights("llama3.2 3b"), { kind: "system", content: "You are terse." }],
  },
  mixedCase: {
    place: `${LIBRARY}/Mixed-Case/Q4_K_M`,
    config: { ...GGUF, model_type: "7B" },
    layers: [weights("mixed")],
  },
  hub: {
    place: "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF/Q4_K_M",
    config: { model_format: "gguf", model_family: "llama", model_families: ["llama"] },
    layers: [weights("hub"), { kind: "projector", content: "GGUF projector" }],
  },
  local: {
    place: "localhost/team/own/latest",
    config: { ...GGUF, model_type: "9B" },
    layers: [weights("own"), { kind: "adapter", content: "GGUF adapter" }],
  },
  /** Written by `ollama create`, which records the origin of layers. */
  created: {
    place: `${LIBRARY}/mine/latest`,
    config: { ...GGUF, model_type: "mine" },
    layers: [{ ...weights("llama3.2 1b"), from: "/root/.ollama/models/blobs/sha256-1" }, TEMPLATE],
  },
  safetensors: {
    place: `${LIBRARY}/z-image-turbo/latest`,
    config: { model_format: "safetensors", capabilities: ["image"] },
    layers: [
      { kind: "tensor", content: "tensor 1", name: "text_encoder/model.embed_tokens.weight" },
      { kind: "tensor", content: "tensor 2", name: "transformer/blocks.0.attn.weight" },
      { kind: "json", content: '{"_class_name":"ZImagePipeline"}', name: "model_index.json" },
    ],
  },
  /** A remote model, which has only a config. */
  cloud: {
    place: `${LIBRARY}/gpt-oss/120b-cloud`,
    config: { remote_host: "https://ollama.com:443", remote_model: "gpt-oss:120b" },
    layers: null,
  },
} satisfies Record<string, ModelFacts>;

/** A model for servers that read manifests-v2; its manifest is a blob. */
const NEWER = {
  place: `${LIBRARY}/newer/latest`,
  config: { ...GGUF, model_type: "newer" },
  layers: [weights("newer")],
} satisfies ModelFacts;

/** An index with a manifest per runner; the one for `mlx` was never downloaded. */
const LISTED = {
  place: `${LIBRARY}/listed/latest`,
  config: { ...GGUF, model_type: "listed" },
  layers: [weights("listed"), { kind: "draft", content: "GGUF draft" }],
} satisfies ModelFacts;

const sha = (text: string) => createHash("sha256").update(text).digest("hex");

/** Unfinished blobs: 64 hex digits each. */
export const UNFINISHED = {
  ollama: sha("unfinished of ollama pull"),
  transfer: sha("unfinished of its transfer of tensors"),
  go: sha("unfinished of the Go program"),
  goPower: sha("one that the Go program was about to note"),
} as const;

const RECORD = '{"N":0,"Offset":0,"Size":9,"Completed":4}\n';

/** Files left by `ollama pull` and `ollama create`, which pullama must not remove. */
const OF_OLLAMA: Readonly<Record<string, string>> = {
  [`blobs/sha256-${UNFINISHED.ollama}-partial`]: "half of it",
  [`blobs/sha256-${UNFINISHED.ollama}-partial-0`]: RECORD,
  [`blobs/sha256-${UNFINISHED.ollama}-partial-1`]: RECORD.replaceAll("0", "1"),
  [`blobs/sha256-${UNFINISHED.transfer}.tmp`]: "the beginning of a tensor",
  "blobs/sha256-1234567890": "a layer that is being made",
  "blobs/COPY2345678901": "a copy that is being made",
  "blobs/fp163456789012": "a conversion that is being made",
  "blobs/split-copy4567890123": "a part that is being made",
  "blobs/projector-metadata5678901234": "metadata",
  "blobs/compat-tensors6789012345": "tensors",
  "ollama-safetensors7890123456/model.safetensors": "a model that is being made",
};

/** Files left by the Go program. */
const OF_GO: Readonly<Record<string, string>> = {
  [`blobs/sha256-${UNFINISHED.go}.partial`]: "some of it\0\0\0\0\0\0",
  [`blobs/sha256-${UNFINISHED.go}.lock`]: "",
  [`.pullm/sha256-${UNFINISHED.go}.json`]: JSON.stringify({
    version: 1,
    digest: `sha256:${UNFINISHED.go}`,
    size: 16,
    chunks: [{ start: 0, end: 15, verified: false }],
  }),
  [`.pullm/sha256-${UNFINISHED.goPower}.json.tmp`]: '{"version":1,',
  "manifests/.pullm-rm.lock": "",
};

const QUEUE = '{\n  "entries": [\n    {\n      "model": "phi3",\n      "tag": "mini",\n' +
  '      "status": "queued",\n      "added_at": "2026-01-02T03:04:05.678901234+01:00",\n' +
  '      "finished_at": "0001-01-01T00:00:00Z"\n    }\n  ]\n}';

/** Files left by file managers. */
const OF_DESKTOPS: Readonly<Record<string, string>> = {
  ".DS_Store": "finder",
  "manifests/.DS_Store": "finder",
  "manifests/registry.ollama.ai/.DS_Store": "finder",
  [`manifests/${LIBRARY}/llama3.2/.DS_Store`]: "finder",
  [`manifests/${LIBRARY}/llama3.2/._latest`]: "\0\x05\x16\x07",
  "blobs/.DS_Store": "finder",
};

/** A model that was written. */
export interface FixtureModel {
  /** `host/namespace/model:tag`. */
  readonly name: string;
  /** Path of the manifest within the models folder. */
  readonly path: string;
  /** Digest of the manifest, 64 hex digits. */
  readonly hex: string;
  /** Names of the files in blobs/, the config first. */
  readonly blobs: readonly string[];
}

export interface ModelsFolderFixture {
  readonly root: string;
  readonly models: Readonly<Record<keyof typeof MODELS, FixtureModel>>;
  /** Only in manifests-v2, as a link into blobs/. */
  readonly newer: FixtureModel;
  /** Only in manifests-v2, as a link to an index; `blobs` includes the manifest that is present. */
  readonly listed: FixtureModel;
  /** A blob in blobs/ that no manifest references. */
  readonly orphan: string;
  /** Paths within `root` by origin. */
  readonly ofOllama: readonly string[];
  readonly ofGo: readonly string[];
  readonly ofDesktops: readonly string[];
  /** The queue file of the Go program. */
  readonly queue: string;
}

/** Writes everything to `root`, which is created. */
export function writeModelsFolder(root: string): ModelsFolderFixture {
  const models = {} as Record<keyof typeof MODELS, FixtureModel>;
  for (const key of Object.keys(MODELS) as (keyof typeof MODELS)[]) {
    const { text, ...made } = manifestOf(root, MODELS[key]);
    const { place } = MODELS[key];
    write(`${root}/manifests/${place}`, text);
    models[key] = { ...made, name: nameOf(place), path: `manifests/${place}` };
  }
  // This one hides another: the same manifest, stored as a blob.
  const llama = manifestOf(root, MODELS.llama);
  putManifest(root, llama.text, MODELS.llama.place);
  const newer = manifestOf(root, NEWER);
  const child = manifestOf(root, LISTED);
  const childFile = putBlob(root, child.text);
  const entry = (runner: string, hex: string) => ({
    mediaType: DOCKER,
    digest: `sha256:${hex}`,
    runner,
  });
  const list = JSON.stringify({
    schemaVersion: 2,
    mediaType: LIST,
    manifests: [entry("ollama", child.hex), entry("mlx", sha("never fetched"))],
  });
  for (const files of [OF_OLLAMA, OF_GO, OF_DESKTOPS]) {
    for (const [path, text] of Object.entries(files)) write(`${root}/${path}`, text);
  }
  const queue = ".pullm/queue.json";
  write(`${root}/${queue}`, QUEUE);
  return {
    root,
    models,
    newer: { ...newer, ...putManifest(root, newer.text, NEWER.place) },
    listed: {
      ...putManifest(root, list, LISTED.place),
      blobs: [...child.blobs, childFile],
    },
    orphan: putBlob(root, "a blob that nobody speaks of"),
    ofOllama: Object.keys(OF_OLLAMA),
    ofGo: Object.keys(OF_GO),
    ofDesktops: Object.keys(OF_DESKTOPS),
    queue,
  };
}

/** The manifest as Ollama writes it; its blobs are written too. */
function manifestOf(root: string, { config, layers }: ModelFacts) {
  const blobs: string[] = [];
  const descriptor = (mediaType: string, content: string, more: Record<string, unknown> = {}) => {
    blobs.push(putBlob(root, content));
    return { mediaType, digest: `sha256:${sha(content)}`, size: content.length, ...more };
  };
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: DOCKER,
    config: descriptor(CONFIG, JSON.stringify(config)),
    layers: layers?.map(({ kind, content, ...more }) =>
      descriptor(`${IMAGE}${kind}`, content, more)
    ) ?? null,
  }) + "\n";
  return { text, hex: sha(text), blobs };
}

/** Stores a manifest as a blob, with a link to it as the tag, or a second name of it where no link can be made. */
function putManifest(root: string, text: string, place: string): Omit<FixtureModel, "blobs"> {
  const file = putBlob(root, text);
  const path = `manifests-v2/${place}`;
  Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
  if (LINKS) linkTo(`../../../../blobs/${file}`, `${root}/${path}`);
  else Deno.linkSync(`${root}/blobs/${file}`, `${root}/${path}`);
  return { name: nameOf(place), path, hex: sha(text) };
}

function putBlob(root: string, content: string): string {
  const file = `sha256-${sha(content)}`;
  write(`${root}/blobs/${file}`, content);
  return file;
}

function write(path: string, text: string): void {
  Deno.mkdirSync(path.replace(/\/[^/]+$/, ""), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

function nameOf(place: string): string {
  return place.replace(/\/([^/]+)$/, ":$1");
}

/**
 * All files and directories below `root`, with the hash of the content or the target of the link.
 */
export function snapshotOf(root: string, below = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(`${root}/${below}`)) {
    const path = `${below}${name}`;
    if (isSymlink) found.set(path, `-> ${Deno.readLinkSync(`${root}/${path}`)}`);
    else if (!isDirectory) found.set(path, sha(Deno.readTextFileSync(`${root}/${path}`)));
    else {
      found.set(`${path}/`, "");
      for (const [inside, what] of snapshotOf(root, `${path}/`)) found.set(inside, what);
    }
  }
  return found;
}
