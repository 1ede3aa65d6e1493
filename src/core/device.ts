/**
 * Device class from the user agent: a cheap, coarse split that reports can group by. Client hints decide when sent.
 *
 * Keeps: total and closed: every text has exactly one class. Order matters: television browsers call themselves
 * Android, tablets call themselves mobile. Source: the agent tokens listed by MDN, "Browser detection using the user
 * agent", and the `Sec-CH-UA-Mobile` hint (UA Client Hints, WICG).
 */
export const DEVICE_CLASSES = ["desktop", "mobile", "tablet", "tv", "other"] as const;
export type DeviceClass = (typeof DEVICE_CLASSES)[number];

const TV =
  /\b(smart-?tv|apple ?tv(\d+,\d+)?|googletv|android tv|hbbtv|bravia|roku\w*|crkey|web0s|webos|tizen.*tv|aft(?!er)[a-z]+\d*)\b/i;
const TABLET = /\b(ipad|tablet|kindle|silk|playbook)\b|\bandroid\b(?!.*\bmobile\b)/i;
const MOBILE = /\b(mobile|mobi|iphone|ipod|windows phone|iemobile|opera mini)\b/i;
const DESKTOP = /\b(windows nt|macintosh|x11|cros|linux)\b/i;

export function deviceClassOf(userAgent: string, mobileHint: string | null): DeviceClass {
  if (TV.test(userAgent)) return "tv";
  if (TABLET.test(userAgent)) return "tablet";
  if (mobileHint === "?1" || MOBILE.test(userAgent)) return "mobile";
  return DESKTOP.test(userAgent) ? "desktop" : "other";
}

export function isDeviceClass(value: unknown): value is DeviceClass {
  return (DEVICE_CLASSES as readonly unknown[]).includes(value);
}
