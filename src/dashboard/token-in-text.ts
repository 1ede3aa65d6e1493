/**
 * The token in what a person pastes: a click link, a link that a mailer wrapped around one, a pixel, a line of HTML, or
 * the token alone.
 *
 *   https://clicks.example/c/eyJ….eyJ….SIG?x=1            https://mail.example/?u=https%3A%2F%2F…%2Fc%2FeyJ….eyJ….SIG
 *
 * Keeps: pure; decides nothing about the token, which the API judges. Text without anything like one is handed on as it
 * is, so that the API says what it lacks. A token that somebody escaped is unescaped, however often.
 */

/** A header of JSON in base64url begins with `eyJ`, or with `ew` where a space stands in it. */
const LIKE_A_TOKEN = /e[yw][\w-]+\.[\w-]+\.[\w-]*/;
const UNESCAPED_MAX = 3;

export function tokenInText(text: string): string {
  let read = text.trim().replaceAll(/\s+/g, "");
  for (let times = 0; times <= UNESCAPED_MAX; times += 1) {
    const found = LIKE_A_TOKEN.exec(read);
    if (found !== null) return found[0];
    const unescaped = unescapedOnce(read);
    if (unescaped === read) break;
    read = unescaped;
  }
  return text.trim();
}

/** Escapes of ASCII alone, so that what is no escape stays. */
function unescapedOnce(text: string): string {
  return text.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
