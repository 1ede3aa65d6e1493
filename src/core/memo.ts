/**
 * What a pure function says of texts that come again and again: user agents, landing URLs.
 *
 * Keeps: the answer is the function's. Memory: at most `most` texts; when they are that many, all are forgotten, so a
 * flood of new ones costs what it cost without.
 */
export function remembering<T>(compute: (text: string) => T, most: number): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const answer = known.get(text);
    if (answer !== undefined) return answer;
    const computed = compute(text);
    if (known.size >= most) known.clear();
    known.set(text, computed);
    return computed;
  };
}
