/** Ollama's rules for each part of a model name. They exclude path traversal. */

import { isDigest } from "./digest.ts";
import { quoted } from "./quote.ts";

export type NamePart = "host" | "namespace" | "model" | "tag";
type NameParts = Readonly<Record<NamePart, string>>;

/** Why a name is invalid, and what to write instead. */
export interface NameProblem {
  readonly reason: string;
  readonly hint: string;
}

export const NAME_SHAPE =
  "use [host/namespace/]model[:tag], such as llama3.2, user/model:8b or hf.co/user/model";

interface Rule {
  readonly part: NamePart;
  /** The characters after the first, which is a letter, a digit or "_" in every part. */
  readonly others: RegExp;
  readonly marks: string;
  readonly max: number;
}

const RULES: readonly Rule[] = [
  { part: "host", others: /^[A-Za-z0-9_.:-]$/, marks: '"_", "-", "." and ":"', max: 350 },
  { part: "namespace", others: /^[A-Za-z0-9_-]$/, marks: '"_" and "-"', max: 80 },
  { part: "model", others: /^[A-Za-z0-9_.-]$/, marks: '"_", "-" and "."', max: 80 },
  { part: "tag", others: /^[A-Za-z0-9_.-]$/, marks: '"_", "-" and "."', max: 80 },
];

/** The problem of the first invalid part; undefined if the name is valid. */
export function problemOf(name: NameParts): NameProblem | undefined {
  for (const rule of RULES) {
    const text = name[rule.part];
    if (text === "") return { reason: `the ${rule.part} is missing`, hint: NAME_SHAPE };
    const fault = faultIn(text, rule);
    if (fault) {
      return { reason: `the ${rule.part} ${quoted(text)} ${fault}`, hint: hint(text, rule) };
    }
  }
  return undefined;
}

function faultIn(text: string, { others, max }: Rule): string | undefined {
  const [first = "", ...more] = text;
  if (!/^[A-Za-z0-9_]$/.test(first)) return `starts with ${quoted(first)}`;
  const wrong = more.find((character) => !others.test(character));
  if (wrong !== undefined) return `contains ${quoted(wrong)}`;
  return text.length > max ? `is longer than ${max} characters` : undefined;
}

function hint(text: string, { part, marks, max }: Rule): string {
  if (part === "host" && text.startsWith("[")) {
    return "a model name cannot contain an IPv6 address: use a host name";
  }
  return `a ${part} has up to ${max} letters, digits, ${marks}, and starts with a letter, digit or "_"`;
}

/** The problem of a digest after "@": it is malformed, or given where none is used. */
export function digestProblem(digest: string): NameProblem {
  return isDigest(digest)
    ? {
      reason: "it has a digest, which only names of models to pull can have",
      hint: "write the name without it",
    }
    : {
      reason: `the digest is not "sha256:" and 64 digits 0-9, a-f`,
      hint: "copy it from: pullama list --output lock",
    };
}

/** Device names, which Windows reserves in every directory and with any extension. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Why Windows has no valid path for the manifest of `name`; undefined if it has one. */
export function refusedOnWindows(name: NameParts): string | undefined {
  if (name.host.includes(":")) {
    return `Windows does not allow ":" in a directory name: ${name.host}`;
  }
  const parts = [name.host, name.namespace, name.model, name.tag];
  const device = parts.find((part) => DEVICE.test(part));
  if (device !== undefined) return `${device} is a reserved device name on Windows`;
  const dotted = parts.find((part) => part.endsWith("."));
  return dotted && `Windows does not allow a directory name that ends with a dot: ${dotted}`;
}
