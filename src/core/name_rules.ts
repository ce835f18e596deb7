/** What each part of a model name may be made of: Ollama's rules. They leave no way out of a folder. */

import { quoted } from "./quote.ts";

export type NamePart = "host" | "namespace" | "model" | "tag";

/** Why a text is no name, and what to write instead. */
export interface NameProblem {
  readonly reason: string;
  readonly hint: string;
}

export const NAME_SHAPE =
  "write [host/namespace/]model[:tag], such as llama3.2, user/model:8b or hf.co/user/model";

interface Rule {
  readonly part: NamePart;
  /** What may follow the first character, which is a letter, a digit or "_" everywhere. */
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

/** What is wrong with the first part that breaks its rule; undefined if the name is valid. */
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
    return "a model name has no place for an IPv6 address: give the host a name";
  }
  return `a ${part} is up to ${max} letters, digits, ${marks}, and starts with a letter, a digit or "_"`;
}
