/**
 * Device class from the user agent and the client hint: a cheap, coarse split that reports can group by.
 *
 *   television › hint `?1` › iPad and Silk › console › says it is mobile › tablet › desktop › other
 *
 * Keeps: total and closed: every text has exactly one class. Order matters: television browsers call themselves
 * Android, iPads and Silk call themselves mobile, and apps append words of their own to their web view's agent, so that
 * `Mobile` counts wherever it stands. An Android browser that does not say it is a tablet's; where no browser speaks
 * (an app's own client), its silence says nothing, and it is a phone's. The hint `?0` is sent by tablets and desktops
 * alike, and leaves the answer to the agent.
 * Sources: the agent tokens listed by MDN, "Browser detection using the user agent"; Chrome's "User-Agent strings"
 * (`Mobile` tells phones from tablets); the `Sec-CH-UA-Mobile` hint (UA Client Hints, WICG).
 */
import { isAppBrowser } from "./app-browser.ts";

export const DEVICE_CLASSES = ["desktop", "mobile", "tablet", "tv", "other"] as const;
export type DeviceClass = (typeof DEVICE_CLASSES)[number];

const TV = new RegExp(
  [
    String.raw`\b(?:smart-?tv|apple ?tv(?:\d+,\d+)?|googletv|android tv|hbbtv|bravia|roku\w*|crkey|web0s|webos|netcast`,
    String.raw`viera|vidaa|inettvbrowser|mi ?tv|mibox\w*|tizen.*tv|aft(?!er)[a-z]+\d*)\b`,
  ].join("|"),
  "i",
);
/** Their agents say `Mobile` too. Silk runs on Fire tablets, and on televisions that are told before. */
const MOBILE_TABLET = /\bipad(?:os|\d+,\d+)?\b|\bsilk\/\d/i;
const CONSOLE = /\b(?:xbox|playstation|nintendo)\b/i;
const ANDROID = /\bandroid\b/i;
const ANDROID_PHONE = /mobi|opera mini/i;
const MOBILE = new RegExp(
  String.raw`\b(?:mobile|mobi|i(?:phone|pod)(?:\d+,\d+)?|windows phone|iemobile|opera mini|` +
    String.raw`blackberry\d*|bb10|symbian\w*|midp|j2me|ucweb|kaios)\b`,
  "i",
);
/** `Tablet PC` is a component that old desktop browsers name. */
const TABLET = /\b(?:tablet(?! pc)|kindle|playbook)\b/i;
const DESKTOP = /\b(?:windows nt|macintosh|x11|cros|linux)\b/i;
const BROWSER = /\bmozilla\/|\bopera\//i;

export function deviceClassOf(userAgent: string, mobileHint: string | null): DeviceClass {
  if (TV.test(userAgent)) return "tv";
  if (mobileHint?.startsWith("?1")) return "mobile";
  if (MOBILE_TABLET.test(userAgent)) return "tablet";
  if (CONSOLE.test(userAgent)) return "other";
  if (ANDROID.test(userAgent)) {
    const isPhone = ANDROID_PHONE.test(userAgent) || !BROWSER.test(userAgent);
    return isPhone ? "mobile" : "tablet";
  }
  if (MOBILE.test(userAgent) || isAppBrowser(userAgent)) return "mobile";
  if (TABLET.test(userAgent)) return "tablet";
  return DESKTOP.test(userAgent) ? "desktop" : "other";
}

export function isDeviceClass(value: unknown): value is DeviceClass {
  return (DEVICE_CLASSES as readonly unknown[]).includes(value);
}
