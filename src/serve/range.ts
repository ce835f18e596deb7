/** Range and conditional requests (RFC 9110) for content that never changes. */

import type { Range } from "../core/ranges.ts";

/**
 * The range that `header` asks for of `size` bytes; "whole": it asks for none, or for something that is ignored.
 * "unsatisfiable" is also the answer to several ranges: one request gets one range.
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): Range | "whole" | "unsatisfiable" {
  const [, list] = /^bytes\s*=\s*(.*)$/i.exec(header ?? "") ?? [];
  if (list === undefined) return "whole";
  if (list.includes(",")) return "unsatisfiable";
  const [, first = "", last = ""] = /^(\d*)\s*-\s*(\d*)$/.exec(list.trim()) ?? [];
  if (first === "" && last === "") return "whole";
  if (first === "") {
    const count = Math.min(Number(last), size);
    return count === 0 ? "unsatisfiable" : { start: size - count, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return "whole";
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) };
}

/** Whether `If-None-Match` names the entity tag. */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

/** Whether `If-Range` lets a range count: it is the entity tag, or absent. */
export function rangeCounts(header: string | undefined, etag: string): boolean {
  return header === undefined || header.trim() === etag;
}
