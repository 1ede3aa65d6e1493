import { describe, expect, it } from "vitest";
import {
  ALLOWED_NETWORKS,
  DATA_CENTRE_NETWORKS,
  IMPRESSION_NETWORKS,
  isDataCentre,
  LIST_DATE,
} from "../../src/core/data-centre-networks.ts";

const LISTS = [
  ["data centres", DATA_CENTRE_NETWORKS],
  ["allowed", ALLOWED_NETWORKS],
  ["allowed for impressions", IMPRESSION_NETWORKS],
] as const;

describe.each(LISTS)("the list of networks: %s", (_, networks) => {
  const numbers = networks.map(({ asn }) => asn);

  it("is sorted and names a network once", () => {
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it("holds public numbers with an operator", () => {
    for (const { asn, operator } of networks) {
      expect(operator).not.toBe("");
      // 64496–131071 and from 4200000000 on are for documentation and private use (RFC 5398, RFC 6996).
      expect(Number.isSafeInteger(asn) && asn > 0 && (asn < 64_496 || asn > 131_071) && asn < 4_200_000_000).toBe(true);
    }
  });
});

it("every exception says why, and the list says when it was checked", () => {
  for (const { because } of [...ALLOWED_NETWORKS, ...IMPRESSION_NETWORKS]) expect(because).toMatch(/\w+ \w+/);
  expect(LIST_DATE).toMatch(/^\d{4}-\d{2}$/);
});

it("an exception for impressions is about a listed network that is not allowed anyway", () => {
  for (const { asn } of IMPRESSION_NETWORKS) {
    expect(isDataCentre(asn, "click")).toBe(true);
    expect(isDataCentre(asn, "impression")).toBe(false);
  }
});

describe("a request", () => {
  it.each([
    ["from rented servers", 16509, true, true],
    ["from rented servers of another cloud", 24940, true, true],
    ["from a home", 3320, false, false],
    ["from a network with both homes and servers", 31034, false, false],
    ["from nowhere known", null, false, false],
    ["through iCloud Private Relay, from a network that also rents servers", 13335, false, false],
    ["through iCloud Private Relay", 36183, false, false],
    ["through a company's gateway", 62044, false, false],
    ["from Microsoft, which scans links and shows images", 8075, true, false],
  ])("%s", (_, asn, forClick, forImpression) => {
    expect(isDataCentre(asn, "click")).toBe(forClick);
    expect(isDataCentre(asn, "impression")).toBe(forImpression);
  });

  it("from an allowed network is never judged, though the network is listed", () => {
    const listed = new Set(DATA_CENTRE_NETWORKS.map(({ asn }) => asn));
    const both = ALLOWED_NETWORKS.filter(({ asn }) => listed.has(asn));
    expect(both.length).toBeGreaterThan(0);
    for (const { asn } of ALLOWED_NETWORKS) {
      expect(isDataCentre(asn, "click")).toBe(false);
      expect(isDataCentre(asn, "impression")).toBe(false);
    }
  });
});
