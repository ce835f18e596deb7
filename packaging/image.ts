/**
 * A container image with the program and what it needs, and nothing else: the C library, certificates. It is put
 * together from the files of the Debian or Ubuntu that makes it, without a container engine.
 */

import { ABOUT, homepageOf, type Machine, type Program, type Release } from "./release.ts";
import { copyProgram, gzipped, runTool, sha256Of, tarOf, withFolder, writeTree } from "./tools.ts";

/** The libraries that the program loads, and those that resolve names. */
const LIBRARIES = [
  "libc.so.6",
  "libm.so.6",
  "libdl.so.2",
  "libpthread.so.0",
  "librt.so.1",
  "libgcc_s.so.1",
  "libresolv.so.2",
  "libnss_dns.so.2",
  "libnss_files.so.2",
];

/**
 * Where they are, here and in the image. Those for arm64 are of the packages libc6-arm64-cross and
 * libgcc-s1-arm64-cross.
 */
const LAYOUTS: Readonly<
  Record<Machine, { readonly from: string; readonly to: string; readonly loader: string }>
> = {
  amd64: {
    from: "/lib/x86_64-linux-gnu",
    to: "lib/x86_64-linux-gnu",
    loader: "lib64/ld-linux-x86-64.so.2",
  },
  arm64: {
    from: "/usr/aarch64-linux-gnu/lib",
    to: "lib/aarch64-linux-gnu",
    loader: "lib/ld-linux-aarch64.so.1",
  },
};

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Packages of which the image has files, and so their licences. */
const LICENSES = ["libc6", "libgcc-s1", "ca-certificates"];
const USER = 65532;
const TYPES = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes everything that the image of `program` has below `root`. */
export async function writeRoot(program: Program, root: string): Promise<void> {
  const { from, to, loader } = LAYOUTS[program.machine];
  await copyProgram(program.path, `${root}/usr/bin/pullama`);
  for (const name of LIBRARIES) {
    await copyProgram(await Deno.realPath(`${from}/${name}`), `${root}/${to}/${name}`);
  }
  const name = loader.slice(loader.lastIndexOf("/") + 1);
  await copyProgram(await Deno.realPath(`${from}/${name}`), `${root}/${loader}`);
  await writeTree(root, {
    "etc/ssl/certs/ca-certificates.crt": await Deno.readFile(CERTIFICATES),
    "etc/passwd": `root:x:0:0::/root:/nologin\npullama:x:${USER}:${USER}::/home:/nologin\n`,
    "etc/group": `root:x:0:\npullama:x:${USER}:\n`,
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    ...Object.fromEntries(LICENSES.map((name) => {
      const path = `usr/share/doc/${name}/copyright`;
      return [path, Deno.readFileSync(`/${path}`)];
    })),
  });
  for (const [folder, mode] of [["tmp", 0o1777], ["home", 0o777], ["models", 0o777]] as const) {
    await Deno.mkdir(`${root}/${folder}`);
    await Deno.chmod(`${root}/${folder}`, mode);
  }
}

/** Writes an archive of images for all `programs`, named by the version, to `out`. */
export async function writeImage(
  release: Release,
  programs: readonly Program[],
  out: string,
  url?: string,
): Promise<string> {
  return await withFolder(async (folder) => {
    const layout = `${folder}/layout`;
    await Deno.mkdir(`${layout}/blobs/sha256`, { recursive: true });
    const manifests = [];
    for (const program of programs) {
      const manifest = await writeManifest(program, release, layout, url);
      const platform = { architecture: program.machine, os: program.system };
      manifests.push({ ...manifest, platform });
    }
    const annotations = { "org.opencontainers.image.ref.name": release.version };
    const all = await writeJson(TYPES.index, { manifests }, layout);
    const index = {
      schemaVersion: 2,
      mediaType: TYPES.index,
      manifests: [{ ...all, annotations }],
    };
    await writeTree(layout, {
      "oci-layout": JSON.stringify({ imageLayoutVersion: "1.0.0" }),
      "index.json": JSON.stringify(index),
    });
    const path = `${out}/${ABOUT.name}-${release.version}-oci.tar`;
    await tarOf(layout, path, release.date);
    return path;
  });
}

async function writeManifest(
  program: Program,
  release: Release,
  layout: string,
  url: string | undefined,
): Promise<Descriptor> {
  return await withFolder(async (folder) => {
    const [root, tar] = [`${folder}/root`, `${folder}/layer.tar`];
    await writeRoot(program, root);
    await tarOf(root, tar, release.date);
    const diff = await sha256Of(tar);
    await gzipped(tar, `${tar}.gz`);
    const layer = await moveBlob(`${tar}.gz`, TYPES.layer, layout);
    const created = release.date.toISOString();
    const config = await writeJson(TYPES.config, {
      created,
      architecture: program.machine,
      os: program.system,
      config: {
        User: `${USER}:${USER}`,
        Env: ["PATH=/usr/bin", "HOME=/home", "OLLAMA_MODELS=/models"],
        Entrypoint: ["/usr/bin/pullama"],
        Volumes: { "/models": {} },
        Labels: {
          "org.opencontainers.image.title": ABOUT.name,
          "org.opencontainers.image.version": release.version,
          "org.opencontainers.image.licenses": ABOUT.license,
          ...(url !== undefined && { "org.opencontainers.image.source": homepageOf(url) }),
        },
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${diff}`] },
      history: [{ created, created_by: ABOUT.name }],
    }, layout);
    return await writeJson(TYPES.manifest, { config, layers: [layer] }, layout);
  });
}

async function writeJson(
  mediaType: string,
  content: Readonly<Record<string, unknown>>,
  layout: string,
): Promise<Descriptor> {
  const path = `${layout}/new.json`;
  const head = mediaType === TYPES.config ? {} : { schemaVersion: 2, mediaType };
  await Deno.writeTextFile(path, JSON.stringify({ ...head, ...content }));
  return await moveBlob(path, mediaType, layout);
}

/** Moves a file to its digest. */
async function moveBlob(path: string, mediaType: string, layout: string): Promise<Descriptor> {
  const [sum, { size }] = [await sha256Of(path), await Deno.stat(path)];
  await Deno.chmod(path, 0o644);
  await runTool(["mv", path, `${layout}/blobs/sha256/${sum}`]);
  return { mediaType, digest: `sha256:${sum}`, size };
}
