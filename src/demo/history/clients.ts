/**
 * Who clicks in the demonstration's history: people with a browser, a country and a device each, and the programs that
 * come by.
 *
 * Keeps: agents are real ones, few enough to read. A machine is what the rules know it by: its agent or its network.
 */
import { encodeBase64url } from "../../core/base64url.ts";
import type { DeviceClass } from "../../core/device.ts";
import { hash32 } from "../../core/hash.ts";
import { DAY_MS } from "../../core/limits.ts";
import { USER_KEY_BYTES } from "../../core/user-key.ts";
import { Random, Weighted } from "../random.ts";
import type { DemoPublisher } from "./catalog.ts";

export type Client = {
  readonly country: string;
  readonly region: string | null;
  readonly asn: number;
  readonly device: DeviceClass;
  readonly userAgent: string;
  /** Named by the publisher where the person has signed in; else the edge knows address and agent for a day. */
  readonly uid: string | null;
  readonly userHash: string | null;
};

export type MachineReason =
  | "test"
  | "expired_token"
  | "head_request"
  | "link_preview"
  | "non_browser_agent"
  | "declared_crawler"
  | "data_centre_network"
  | "too_fast";

const COUNTRIES = new Weighted(
  [
    { country: "DE", asn: 3_320, weight: 46 },
    { country: "AT", asn: 8_447, weight: 12 },
    { country: "CH", asn: 3_303, weight: 11 },
    { country: "NL", asn: 1_136, weight: 9 },
    { country: "FR", asn: 3_215, weight: 8 },
    { country: "PL", asn: 5_617, weight: 6 },
    { country: "GB", asn: 2_856, weight: 5 },
    { country: "US", asn: 7_922, weight: 3 },
  ],
  ({ weight }) => weight,
);

type Browser = { readonly device: DeviceClass; readonly weight: number; readonly userAgent: string };
const WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)";
const SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
const BROWSERS = new Weighted<Browser>(
  [
    browser("mobile", 30, `Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36`),
    browser(
      ...["mobile" as const, 26],
      `Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) ${SAFARI} Version/18.6 Mobile/15E148 Safari/604.1`,
    ),
    browser("desktop", 18, `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/142.0.0.0 Safari/537.36`),
    browser("desktop", 9, `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI} Version/18.6 Safari/605.1.15`),
    browser("desktop", 8, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    browser(
      "tablet",
      6,
      `Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) ${SAFARI} Version/18.6 Mobile/15E148 Safari/604.1`,
    ),
    browser("tv", 1, `Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) ${WEBKIT} SamsungBrowser/7.0 TV Safari/537.36`),
  ],
  ({ weight }) => weight,
);

function browser(device: DeviceClass, weight: number, userAgent: string): Browser {
  return { device, weight, userAgent };
}

const AGENTS: Readonly<Record<"link_preview" | "non_browser_agent" | "declared_crawler", readonly string[]>> = {
  link_preview: ["facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "WhatsApp/2.23.20.0"],
  non_browser_agent: ["curl/8.11.0", "python-requests/2.32.3", "Go-http-client/2.0"],
  declared_crawler: [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
  ],
};
const DATA_CENTRES = [14_061, 16_509, 24_940] as const;

/** What reaches a respectable page, and what a network sends that is paid by the click. */
const USUAL = machines([2, 12, 6, 30, 14, 20, 10, 6]);
const BOUGHT = machines([0, 4, 4, 0, 22, 6, 40, 24]);
const BOUGHT_ABOVE = 0.3;

function machines(weights: readonly number[]): Weighted<MachineReason> {
  const reasons: readonly MachineReason[] = [
    ...(["test", "expired_token", "head_request", "link_preview", "non_browser_agent"] as const),
    ...(["declared_crawler", "data_centre_network", "too_fast"] as const),
  ];
  return new Weighted(reasons, (_, index) => weights[index] ?? 0);
}

export function machineOf({ invalid }: DemoPublisher, random: Random): MachineReason {
  return (invalid > BOUGHT_ABOVE ? BOUGHT : USUAL).pick(random);
}

const PEOPLE = 5_000;
const SIGNED_IN = 0.35;

/** One of the people: the same number is the same person, with one browser and country. */
export function clientOf(random: Random, atMs: number): Client {
  // Few come often.
  const person = Math.floor(PEOPLE * random.unit() ** 1.5);
  const own = new Random(hash32(`person ${person}`));
  const { country, asn } = COUNTRIES.pick(own);
  const { device, userAgent } = BROWSERS.pick(own);
  const isSignedIn = own.unit() < SIGNED_IN;
  const day = Math.floor(atMs / DAY_MS);
  const ofDay = new Random(hash32(`person ${person} on ${day}`));
  return {
    ...{ country, region: null, asn, device, userAgent },
    uid: isSignedIn ? `reader-${person}` : null,
    userHash: encodeBase64url(ofDay.octets(USER_KEY_BYTES)),
  };
}

/** The same request as such a machine makes it. */
export function asProgram(client: Client, reason: MachineReason, random: Random): Client {
  if (reason === "data_centre_network") return { ...client, asn: random.pick(DATA_CENTRES) };
  if (reason in AGENTS) {
    const agents = AGENTS[reason as keyof typeof AGENTS];
    return { ...client, userAgent: random.pick(agents), device: "other", uid: null };
  }
  return client;
}
