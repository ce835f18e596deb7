/**
 * Documents that are almost right: what a disk, a network or another user makes of a valid one. Random bytes are
 * refused at the first look; these get as far as a document can.
 */

import fc from "fast-check";
import { SEED, THOROUGH } from "../seed.ts";

if (THOROUGH) console.log(`the seed of these properties: PULLAMA_SEED=${SEED}`);

/** How often a property is tried: `few` times in the gate, `many` times where there is time. */
export function trials(few: number, many: number): { numRuns: number; seed: number } {
  return { numRuns: THOROUGH ? many : few, seed: SEED };
}

/** Numbers as text that readers may take for others, or for none. */
const NUMBERS = [
  ...[
    "0",
    "-0",
    "-1",
    "1",
    "1.5",
    "1.0",
    "1e3",
    "1e400",
    "-1e400",
    "00",
    "0x10",
    "NaN",
    "Infinity",
  ],
  ...["4294967296", "9007199254740991", "9007199254740992", "9007199254740993"],
  ...["9223372036854775807", "18446744073709551616", "9".repeat(400)],
];

const DEEP = 3000;

/** Values in the place of others, as JSON. */
const VALUES = [
  ...[
    "null",
    "true",
    '""',
    "[]",
    "{}",
    "[[]]",
    '{"toString":1,"length":9}',
    '"\\ud800"',
    '"\\u0000"',
  ],
  ...['"__proto__"', '"constructor"', '"../../x"', '"/etc/passwd"', '"a\\r\\nb: c"', '"\\u202e"'],
  "[".repeat(DEEP) + "]".repeat(DEEP),
  '{"a":'.repeat(DEEP) + "1" + "}".repeat(DEEP),
];

/** Pieces that are put into any text. */
const PIECES = [
  ...["\ufeff", "\0", "\r\n", "\n\n", " ", "\t", '"', "\\", "{", "}", "[", "]", ":", ",", "=", "-"],
  ...["\u0085", "\u2028", "\u202e", "İ", "ſ", "K", "%00", "..", "//", "sha256:"],
];

type Edit = readonly [kind: number, at: number, other: number];

/** A list of edits; all numbers are reduced to what the document has. */
const edits = (most: number): fc.Arbitrary<Edit[]> =>
  fc.array(fc.tuple(fc.nat(99), fc.nat(2 ** 30), fc.nat(2 ** 30)), {
    minLength: 1,
    maxLength: most,
  });

/** `valid` with up to four parts flipped, lost, doubled, moved or put in, in the unit of bytes. */
export function damaged(
  valid: Uint8Array,
  pieces: readonly string[] = [],
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const all = [...pieces, ...pieces, ...NUMBERS, ...PIECES].map((piece) =>
    new TextEncoder().encode(piece)
  );
  return edits(4).map((list) =>
    legible(list.reduce((bytes, edit) => edited(bytes, edit, all), valid.slice()))
  );
}

/** The same for a text. */
export function damagedText(
  valid: string,
  pieces: readonly string[] = [],
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return damaged(new TextEncoder().encode(valid), pieces);
}

/** Failures show the bytes as a text. */
function legible(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const value = () => JSON.stringify(new TextDecoder().decode(bytes));
  return Object.defineProperty(bytes, fc.toStringMethod, { value });
}

function edited(
  bytes: Uint8Array<ArrayBuffer>,
  [kind, first, second]: Edit,
  pieces: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const at = first % (bytes.length + 1);
  // Mostly short, sometimes all of the rest.
  const to = Math.min(
    bytes.length,
    at + (second % 5 === 0 ? second % (bytes.length + 1) : second % 40),
  );
  const [before, part, after] = [bytes.slice(0, at), bytes.slice(at, to), bytes.slice(to)];
  const piece = pieces[second % pieces.length]!;
  switch (kind % 8) {
    case 0:
      return joined(
        before,
        part.map((byte, i) => i === 0 ? byte ^ (1 << second % 8) : byte),
        after,
      );
    case 1:
      return joined(before, part.map((byte, i) => i === 0 ? second : byte), after);
    case 2:
      return joined(before, after);
    case 3:
      return joined(before, part, part, after);
    case 4:
      return before;
    case 5:
      return joined(part, before, after);
    case 6:
      return joined(before, piece, after);
    default:
      return numberChanged(bytes, first, second);
  }
}

/** Another number in the place of one that is there, near it or far from it. */
function numberChanged(
  bytes: Uint8Array<ArrayBuffer>,
  first: number,
  second: number,
): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder("latin1").decode(bytes);
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { 0: old, index } = numbers[first % numbers.length]!;
  const near = String(BigInt(old) + [1n, -1n, BigInt(second)][second % 3]!);
  const text2 = second % 2 ? NUMBERS[second % NUMBERS.length]! : near.padStart(old.length, "0");
  const end = index + old.length;
  return joined(bytes.slice(0, index), new TextEncoder().encode(text2), bytes.slice(end));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** JSON as it is written: keys may occur twice, and a leaf is any text. */
type Node = string | { readonly list: Node[] } | { readonly pairs: [key: string, value: Node][] };

/**
 * `value` as JSON of which parts are exchanged, missing, doubled, many, of another type or under another key; a third
 * of them then damaged like any bytes. `odd` are further values, as JSON.
 */
export function damagedJson(
  value: unknown,
  odd: readonly string[] = [],
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const values = [...odd, ...odd, ...VALUES, ...NUMBERS];
  return edits(4).chain((list) => {
    const top = { list: [nodeOf(value)] };
    for (const edit of list) changeTree(top, edit, values);
    const bytes = legible(new TextEncoder().encode(top.list.map(written).join("")));
    const same = fc.constant(bytes);
    return fc.oneof(same, same, damaged(bytes));
  });
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { list: value.map(nodeOf) };
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const known = Object.entries(value).filter(([, one]) => one !== undefined);
  return { pairs: known.map(([key, one]) => [key, nodeOf(one)]) };
}

function written(node: Node): string {
  if (typeof node === "string") return node;
  if ("list" in node) return `[${node.list.map(written).join(",")}]`;
  return `{${node.pairs.map(([key, one]) => `${JSON.stringify(key)}:${written(one)}`).join(",")}}`;
}

/** A place in the tree. */
interface Place {
  readonly holder: Exclude<Node, string>;
  readonly index: number;
}

function placesIn(holder: Exclude<Node, string>): Place[] {
  const children = "list" in holder ? holder.list : holder.pairs.map(([, one]) => one);
  return children.flatMap((child, index) => [
    { holder, index },
    ...(typeof child === "string" ? [] : placesIn(child)),
  ]);
}

function get({ holder, index }: Place): Node {
  return "list" in holder ? holder.list[index]! : holder.pairs[index]![1];
}

function put({ holder, index }: Place, node: Node): void {
  if ("list" in holder) holder.list[index] = node;
  else holder.pairs[index]![1] = node;
}

/** Copies of one part, and the places of a document that is large enough without them. */
const MANY = 300;
const MOST_PLACES = 1000;

function changeTree(
  top: { list: Node[] },
  [kind, first, second]: Edit,
  odd: readonly string[],
): void {
  const places = placesIn(top);
  if (places.length === 0) return;
  const place = places[first % places.length]!;
  const other = places[second % places.length]!;
  const { holder, index } = place;
  const siblings: unknown[] = "list" in holder ? holder.list : holder.pairs;
  const node = get(place);
  switch (kind % 10) {
    case 0:
    case 1:
      return put(place, odd[second % odd.length]!);
    case 2: {
      // A copy: a part that contained itself could not be written.
      const [one, two] = [structuredClone(node), structuredClone(get(other))];
      put(place, two);
      if (!isInside(other, two) && !isInside(other, node)) put(other, one);
      return;
    }
    case 3:
      return void siblings.splice(index, 1);
    case 4:
      return void siblings.splice(index, 0, structuredClone(siblings[index]));
    case 5:
      if (places.length > MOST_PLACES) return;
      return void siblings.splice(
        index,
        0,
        ...Array.from({ length: MANY }, () => structuredClone(siblings[index])),
      );
    case 6:
      return put(place, near(node, second));
    case 7:
      if ("pairs" in holder) holder.pairs[index]![0] = twin(holder.pairs[index]![0], second);
      return;
    case 8:
      if ("pairs" in holder) {
        holder.pairs.push([twin(holder.pairs[index]![0], second), structuredClone(get(other))]);
      }
      return;
    default:
      return void siblings.reverse();
  }
}

/** Whether `place` is somewhere in `node`. */
function isInside({ holder }: Place, node: Node): boolean {
  if (typeof node === "string") return false;
  if (holder === node) return true;
  const children = "list" in node ? node.list : node.pairs.map(([, one]) => one);
  return children.some((child) => isInside({ holder, index: 0 }, child));
}

/** A number that is a little different, or a string that looks the same. */
function near(node: Node, by: number): Node {
  if (typeof node !== "string") return { list: [node] };
  if (/^\d+$/.test(node)) {
    const steps = [1n, -1n, BigInt(by), 65_536n, -65_536n, BigInt(node)];
    return String(BigInt(node) + steps[by % steps.length]!);
  }
  if (!/^".+"$/s.test(node)) return node;
  const text = node.slice(1, -1);
  const forms = [text.toUpperCase(), ` ${text}`, `${text}\\u0000`, text.slice(1), `${text}${text}`];
  return `"${forms[by % forms.length]}"`;
}

/** A key that some readers take for `key`, or for something that every object has. */
function twin(key: string, by: number): string {
  const forms = [
    ...[
      key.toUpperCase(),
      `${key[0]?.toUpperCase()}${key.slice(1)}`,
      `${key}\0`,
      key.replace("s", "ſ"),
    ],
    ...["__proto__", "constructor", "toString", "toJSON", "length", "", key],
  ];
  return forms[by % forms.length]!;
}
