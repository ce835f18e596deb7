/**
 * What a program did to the files below a folder, and what of it a power cut may leave.
 *
 * Nothing is certain but what was synced, as in POSIX: the sync of a file makes its content durable and not its name;
 * the sync of a folder makes the names in it durable and not the content of its files. What was not synced may be there
 * or not, each change by itself: a write by blocks of 4 KiB, the length of a file without its content, a rename before
 * the content of the renamed file. Only changes of one name keep their order.
 */

import { dirname } from "node:path";
import { bytesOf, type Syscall, textOf } from "./syscalls.ts";

const BLOCK = 4096;

export interface FolderNode {
  readonly kind: "folder";
}

export class FileNode {
  readonly kind = "file";
  /** As the program sees it. */
  readonly content: Content;
  /** What a power cut leaves in any case. */
  readonly durable: Content;
  changes: Change[] = [];

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.content = new Content(bytes);
    this.durable = new Content(bytes);
  }

  change(change: Change): void {
    this.content.apply(change);
    this.changes.push(change);
  }

  /** Makes these changes durable. */
  synced(changes: ReadonlySet<Change>): void {
    for (const change of this.changes) if (changes.has(change)) this.durable.apply(change);
    this.changes = this.changes.filter((change) => !changes.has(change));
  }

  /** What a power cut leaves. */
  after(fate: Fate): Uint8Array<ArrayBuffer> {
    const content = new Content(this.durable.bytes);
    for (const change of this.changes) {
      if ("length" in change) {
        if (fate.keepsLength()) content.apply(change);
        continue;
      }
      for (const block of blocksOf(change)) {
        const end = block.at + block.bytes.length;
        if (fate.keepsBlock()) content.apply(block);
        else if (end > content.length && fate.keepsLength()) content.apply({ length: end });
      }
    }
    return content.bytes;
  }
}

/** Bytes that are changed in place. */
class Content {
  #buffer: Uint8Array<ArrayBuffer>;
  #length: number;

  constructor(bytes: Uint8Array) {
    this.#buffer = bytes.slice();
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Changes with the content. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  apply(change: Change): void {
    const end = "length" in change ? change.length : change.at + change.bytes.length;
    if ("length" in change && end < this.#length) {
      this.#buffer.fill(0, end, this.#length);
      this.#length = end;
    }
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#length = Math.max(this.#length, end);
    if ("bytes" in change) this.#buffer.set(change.bytes, change.at);
  }
}

export type Node = FileNode | FolderNode;

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
}

type Change = Write | { readonly length: number };

/** Names that are given and taken in one step. */
interface Naming {
  readonly names: readonly (readonly [path: string, node: Node | undefined])[];
  /** The folder that has to be synced. */
  readonly folder: Node;
}

/** What is there after a power cut: all paths, parents first. Names of one file have the same array. */
export type State = ReadonlyMap<string, Uint8Array<ArrayBuffer> | "folder">;

/** Decides what a power cut leaves of what was not synced. */
export interface Fate {
  /** `folder`: in which a name is given or taken. */
  readonly keepsName: (folder: Node) => boolean;
  readonly keepsBlock: () => boolean;
  /** Of a write beyond the end, of which no block is kept. */
  readonly keepsLength: () => boolean;
}

interface Descriptor {
  readonly node: Node;
  position: number;
}

export class History {
  /** As the program sees them. */
  readonly names = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #namings: Naming[] = [];
  readonly #open = new Map<string, Descriptor>();
  /** What the syncs that have begun will make durable, by descriptor and call. */
  readonly #syncs = new Map<string, () => void>();

  /** `folder` as it is, which is durable. Files with several names are one. */
  constructor(private readonly folder: string) {
    const known = new Map<number | null, FileNode>();
    this.names.set(folder, { kind: "folder" });
    for (const { path, isFile, ino } of below(folder)) {
      const node: Node = isFile
        ? known.get(ino) ?? new FileNode(Deno.readFileSync(path))
        : { kind: "folder" };
      if (node.kind === "file") known.set(ino, node);
      this.names.set(path, node);
    }
    for (const [path, node] of this.names) this.#durable.set(path, node);
  }

  /** The file or folder that is durable at `path`, if any. */
  durable(path: string): Node | undefined {
    return this.#durable.get(path);
  }

  /** Takes account of a call; true if it changed what a power cut can leave. */
  add({ call, args, result }: Syscall): boolean {
    if (result === undefined) {
      if (call === "close") this.#open.delete(args[0]!);
      if (call === "fsync" || call === "fdatasync") this.#syncBegins(args[0]!);
      return false;
    }
    switch (call) {
      case "close":
        // Its number may be that of another file by now.
        return false;
      case "open":
        return this.#opened(args[0]!, args[1]!, result);
      case "openat":
        return this.#opened(args[1]!, args[2]!, result);
      case "dup":
        return this.#duplicated(args[0]!, result);
      case "fcntl":
        return args[1]!.startsWith("F_DUPFD") && this.#duplicated(args[0]!, result);
      case "lseek": {
        const file = this.#open.get(args[0]!);
        if (file) file.position = result;
        return false;
      }
      case "write": {
        const file = this.#open.get(args[0]!);
        if (!file) return false;
        this.#written(file, bytesOf(args[1]!).subarray(0, result), file.position);
        file.position += result;
        return true;
      }
      case "pwrite64": {
        const file = this.#open.get(args[0]!);
        if (file) this.#written(file, bytesOf(args[1]!).subarray(0, result), Number(args[3]));
        return file !== undefined;
      }
      case "copy_file_range":
        return this.#copied(args, result);
      case "ftruncate": {
        const file = this.#open.get(args[0]!);
        if (file?.node.kind === "file") file.node.change({ length: Number(args[1]) });
        return file !== undefined;
      }
      case "fsync":
      case "fdatasync": {
        this.#syncs.get(args[0]!)?.();
        return this.#syncs.delete(args[0]!);
      }
      case "mkdir":
        return this.#named([[textOf(args[0]!), { kind: "folder" }]]);
      case "rmdir":
      case "unlink":
        return this.#named([[textOf(args[0]!), undefined]]);
      case "rename":
        return this.#renamed(textOf(args[0]!), textOf(args[1]!));
      case "linkat":
        return this.#named([[textOf(args[3]!), this.names.get(textOf(args[1]!))]]);
      default:
        if (this.#open.has(args[0]!) || /truncate|sync|link|rename|mkdir/.test(call)) {
          throw new Error(`the effect of ${call} is not known`);
        }
        return false;
    }
  }

  /** What a power cut at this moment leaves. */
  afterPowerCut(fate: Fate): State {
    const names = new Map(this.#durable);
    const lost = new Set<string>();
    for (const { names: changed, folder } of this.#namings) {
      const kept = !changed.some(([path]) => lost.has(path)) && fate.keepsName(folder);
      for (const [path, node] of changed) {
        if (!kept) lost.add(path);
        else if (node) names.set(path, node);
        else names.delete(path);
      }
    }
    const contents = new Map<Node, Uint8Array<ArrayBuffer>>();
    const contentOf = (node: FileNode) => {
      const known = contents.get(node) ?? node.after(fate);
      contents.set(node, known);
      return known;
    };
    const state = new Map<string, Uint8Array<ArrayBuffer> | "folder">();
    for (const path of [...names.keys()].sort()) {
      if (path === this.folder || state.get(dirname(path)) === "folder") {
        const node = names.get(path)!;
        state.set(path, node.kind === "folder" ? "folder" : contentOf(node));
      }
    }
    return state;
  }

  #isBelow(path: string): boolean {
    return path.startsWith(`${this.folder}/`);
  }

  #opened(arg: string, flags: string, fd: number): boolean {
    const path = textOf(arg);
    if (!this.#isBelow(path)) return false;
    const known = this.names.get(path);
    const node = known ?? new FileNode();
    this.#open.set(String(fd), { node, position: 0 });
    if (node.kind === "file" && flags.includes("O_TRUNC")) node.change({ length: 0 });
    return known ? flags.includes("O_TRUNC") : this.#named([[path, node]]);
  }

  #duplicated(fd: string, copy: number): false {
    const file = this.#open.get(fd);
    if (file) this.#open.set(String(copy), file);
    return false;
  }

  #written({ node }: Descriptor, bytes: Uint8Array, at: number): void {
    if (node.kind === "file") node.change({ at, bytes });
  }

  #copied(args: readonly string[], result: number): boolean {
    const [from, to] = [this.#open.get(args[0]!), this.#open.get(args[2]!)];
    if (!to) return false;
    if (from?.node.kind !== "file" || args[1] !== "NULL" || args[3] !== "NULL") {
      throw new Error("the source of a copy is not known");
    }
    const bytes = from.node.content.bytes.slice(from.position, from.position + result);
    this.#written(to, bytes, to.position);
    from.position += result;
    to.position += result;
    return true;
  }

  #renamed(from: string, to: string): boolean {
    const node = this.names.get(from);
    if (!node) return false;
    const children = [...this.names.keys()].filter((path) => path.startsWith(`${from}/`));
    if (children.length > 0) throw new Error(`${from} is renamed with what is in it`);
    return this.#named([[to, node], [from, undefined]]);
  }

  #named(names: Naming["names"]): boolean {
    const ours = names.filter(([path]) => this.#isBelow(path));
    if (ours.length === 0) return false;
    for (const [path, node] of ours) {
      if (node) this.names.set(path, node);
      else this.names.delete(path);
    }
    // A rename to another folder is one step as well, as in every file system with a journal.
    const folder = this.names.get(dirname(ours[0]![0]))!;
    this.#namings.push({ names: ours, folder });
    return true;
  }

  #syncBegins(fd: string): void {
    const node = this.#open.get(fd)?.node;
    if (!node) return;
    if (node.kind === "file") {
      const changes = new Set(node.changes);
      this.#syncs.set(fd, () => node.synced(changes));
      return;
    }
    const safe = this.#withEarlier(this.#namings.filter(({ folder }) => folder === node));
    this.#syncs.set(fd, () => {
      for (const { names } of this.#namings.filter((one) => safe.has(one))) {
        for (const [path, named] of names) {
          if (named) this.#durable.set(path, named);
          else this.#durable.delete(path);
        }
      }
      this.#namings = this.#namings.filter((one) => !safe.has(one));
    });
  }

  /** These, and what was done before with the same names. */
  #withEarlier(namings: readonly Naming[]): ReadonlySet<Naming> {
    const all = new Set(namings);
    const paths = new Set<string>();
    for (const naming of this.#namings.toReversed()) {
      const changed = naming.names.map(([path]) => path);
      if (changed.some((path) => paths.has(path))) all.add(naming);
      if (all.has(naming)) changed.forEach((path) => paths.add(path));
    }
    return all;
  }
}

function* blocksOf({ at, bytes }: Write): Iterable<Write> {
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + BLOCK - (at + from) % BLOCK);
    yield { at: at + from, bytes: bytes.subarray(from, to) };
    from = to;
  }
}

function* below(folder: string): Iterable<{ path: string; isFile: boolean; ino: number | null }> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    const { isFile, ino } = Deno.lstatSync(path);
    yield { path, isFile, ino };
    if (isDirectory) yield* below(path);
  }
}
