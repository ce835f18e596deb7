/** Ollama's rules for each part of a model name. They exclude path traversal. */

import { quoted } from "./quote.ts";

export type NamePart = "host" | "namespace" | "model" | "tag";

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
export function problemOf(name: Readonly<Record<NamePart, string>>): NameProblem | undefined {
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
