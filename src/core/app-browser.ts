/**
 * Agents of apps in which people follow links with the app's own client, and which so lack the form of a browser:
 *
 *   [FBAN/FB4A;FBAV/567.0.0.50.73;FBDV/SM-S921B;…]                  Facebook, Messenger, perhaps behind `Dalvik/… (…)`
 *   Instagram 402.0.0.48.76 Android (35/15; 480dpi; …)               Instagram; Barcelona is Threads
 *   com.zhiliaoapp.musically/2024 (Linux; U; Android 15; …)          TikTok, under its packages' names
 *   Snapchat/13.50.0.42 (SM-S921B; Android 15#…; gzip; )             Snapchat
 *
 * Keeps: an app is told by its name, its version and the device that it names, all at the front. The agent of an HTTP
 * library (`Dalvik/…`, `okhttp/…`, `…CFNetwork/…`) is none, also in an app: it says nothing of a person.
 * Sources: agents in the fixtures of matomo's device-detector and in public logs, compiled by hand (2026-11).
 */
const APP_BROWSER = new RegExp(
  [
    String.raw`^(?:dalvik\/[\d.]+ ?\([^()]*\) ?)?\[fb(?:an|_iab)\/[\w.-]+;[^\]]*(?:\]|$)`,
    String.raw`^(?:instagram|barcelona) \d[\d.]* (?:android )?\((?:\d+\/|i(?:phone|pad|pod))[^()]*(?:\)|$)`,
    String.raw`^com\.(?:zhiliaoapp\.musically|ss\.android\.ugc)[\w.]*\/\d+ \(linux; u; android \d[^()]*(?:\)|$)`,
    String.raw`^tiktok \d[\d.]* rv:\d+ \(i(?:phone|pad|pod)[^()]*(?:\)|$)`,
    String.raw`^snapchat\/\d[\d.]* \((?:i(?:phone|pad|pod)|[^;()]+; ?android )[^()]*(?:\)|$)`,
  ].join("|"),
  "i",
);

/** The list as text, for its digest (core/rules.ts). */
export const APP_BROWSER_PATTERN = APP_BROWSER.source;

export function isAppBrowser(userAgent: string): boolean {
  return APP_BROWSER.test(userAgent);
}

/** What stands behind the app's own words, the device's name among them; null when it is no such app's agent. */
export function behindAppBrowser(userAgent: string): string | null {
  const found = APP_BROWSER.exec(userAgent);
  return found === null ? null : userAgent.slice(found[0].length);
}
