/**
 * Texts from outside, made such that they can be stored: of bounded length, and whole characters only.
 *
 * Keeps: what is returned is well-formed Unicode of at most `lengthMax` UTF-16 units, and is the text itself where that
 * was so already. A cut never leaves half a character.
 */
const HIGH_SURROGATE_FIRST = 0xd800;
const HIGH_SURROGATE_LAST = 0xdbff;

/** The beginning of the text; lone surrogates, which no UTF-8 can carry, become U+FFFD. */
export function cutText(text: string, lengthMax: number): string {
  return (text.length <= lengthMax ? text : beginningOf(text, lengthMax)).toWellFormed();
}

function beginningOf(text: string, lengthMax: number): string {
  const last = text.charCodeAt(lengthMax - 1);
  const isHalf = last >= HIGH_SURROGATE_FIRST && last <= HIGH_SURROGATE_LAST;
  return text.slice(0, isHalf ? lengthMax - 1 : lengthMax);
}
