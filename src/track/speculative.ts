/**
 * Fetches that a browser or an app makes before a person acts, by the headers that say so.
 *
 *   Sec-Purpose: prefetch;prerender     Fetch and Speculation Rules; Chrome, Edge, Safari, Firefox
 *   Purpose: prefetch                   browsers of before, and beside the first
 *   X-Purpose: preview                  apps that show a page before it is opened, and Safari's Top Sites
 *   X-Moz: prefetch                     Firefox of before
 *
 * Keeps: each header is read on its own, so that an empty or foreign value of one does not hide another.
 */
const SPECULATIVE = /\bpre-?(?:fetch|render|view)\b/i;

export function isSpeculative(headers: Headers): boolean {
  return (
    says(headers.get("Sec-Purpose")) ||
    says(headers.get("Purpose")) ||
    says(headers.get("X-Purpose")) ||
    says(headers.get("X-Moz"))
  );
}

function says(purpose: string | null): boolean {
  return purpose !== null && SPECULATIVE.test(purpose);
}
