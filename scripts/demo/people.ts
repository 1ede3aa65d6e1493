/**
 * Who looks and clicks: a small town of people with a browser and an address each, and the programs that come by.
 *
 * Keeps: few enough people that the report counts them exactly (it estimates beyond 512); two of them never share both
 * address and browser.
 */

import { type Random, Weighted, zipf } from "../../src/demo/random.ts";
import type { Agents } from "./agents.ts";

export type Client = {
  readonly browser: string;
  readonly automated: { readonly crawler: string; readonly preview: string; readonly program: string };
  /** Where the request seems to come from. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whom a valid click of this client's browser is one of. */
  readonly user: string;
};

export type KnownAgents = Pick<Agents, "browsers" | "crawlers" | "previews" | "programs">;

const PEOPLE = 400;
const COUNTRIES = ["US", "DE", "BR", "IN", "GB", "FR", "JP", "NG", "MX", "PL", "ID", "CA"] as const;
/** Numbers of networks that are reserved for documentation and private use (RFC 5398, RFC 6996). */
const ASN_START = 64_512;

/** Draws one of the people at a time, each time with other programs at hand. */
export function makePeople(agents: KnownAgents, random: Random): () => Client {
  const countries = zipf(COUNTRIES);
  const browsers = new Weighted(agents.browsers, ({ weight }) => weight);
  const people = Array.from({ length: PEOPLE }, (_, index) => ({
    browser: browsers.pick(random).text,
    headers: {
      "CF-Connecting-IP": `198.51.${index >> 8}.${index & 255}`,
      "MF-CF-Blob": JSON.stringify({ country: countries.pick(random), colo: "DEM", asn: ASN_START + random.below(16) }),
    },
    user: `person ${index}`,
  }));
  return () => ({
    ...random.pick(people),
    automated: {
      crawler: random.pick(agents.crawlers),
      preview: random.pick(agents.previews),
      program: random.pick(agents.programs),
    },
  });
}
