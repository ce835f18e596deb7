/** Suggestions for mistyped words. */

/** Words at a greater edit distance are not suggested. */
const MOST_EDITS = 2;

/** The closest of `words` to `typed`, if the edit distance is small and at most half its length. */
export function didYouMean(typed: string, words: readonly string[]): string | undefined {
  const ranked = words
    .map((word) => ({ word, edits: editsBetween(typed, word) }))
    .filter(({ word, edits }) => edits <= MOST_EDITS && edits * 2 <= word.length)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.word;
}

/**
 * Edit distance: letters to insert, delete, replace or swap with their neighbor to turn `a` into
 * `b`.
 */
function editsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + same,
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
