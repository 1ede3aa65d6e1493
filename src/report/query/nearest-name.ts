/**
 * The name that the caller probably meant: least edit distance (Levenshtein, 1966) among the names there are.
 *
 * Keeps: pure; ties go to the name listed first. A name further away than half its length is no suggestion.
 */

/** The nearest of `names`, or null when none is near. O(names × length²). */
export function nearestName(word: string, names: readonly string[]): string | null {
  let nearest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = editDistance(word.slice(0, 64).toLowerCase(), name.toLowerCase());
    if (distance < least && distance <= Math.max(2, Math.floor(name.length / 2))) {
      nearest = name;
      least = distance;
    }
  }
  return nearest;
}

/** "Did you mean …?" and the whole list. */
export function suggestName(word: string, names: readonly string[]): string {
  const nearest = nearestName(word, names);
  const hint = nearest === null ? "" : ` Did you mean ${nearest}?`;
  return `"${word.slice(0, 64)}" is not known.${hint} Known: ${names.join(", ")}.`;
}

/** Insertions, deletions and replacements that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1));
    }
    previous = current;
  }
  return at(previous, to.length);
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0;
}
