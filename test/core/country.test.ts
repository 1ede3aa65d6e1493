/** Countries: the codes of ISO 3166-1, and what somebody meant who wrote something else. */
import { describe, expect, it } from "vitest";
import { COUNTRIES, countryMeant, isCountry } from "../../src/core/country.ts";

describe("a country", () => {
  it("is one of 249 codes of ISO 3166-1, Kosovo or Tor; nothing else", () => {
    expect(COUNTRIES.size).toBe(251);
    for (const code of ["DE", "GB", "AX", "SS", "XK", "T1"]) expect(isCountry(code), code).toBe(true);
    for (const code of ["XX", "UK", "EU", "AN", "ZZ", "de", "", "D", "DEU", null, 7])
      expect(isCountry(code)).toBe(false);
  });

  it("is known to the platform by a name", () => {
    const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
    expect([...COUNTRIES].filter((code) => code !== "T1" && names.of(code) === undefined)).toEqual([]);
  });

  it("[fault B13] is guessed from a name or from a code that is another", () => {
    const guesses = ["UK", "uk", "Germany", "germany", "USA", "DEU", "AUT", "Japan", "Holland", " France "];
    expect(guesses.map(countryMeant)).toEqual(["GB", "GB", "DE", "DE", "US", "DE", "AT", "JP", "NL", "FR"]);
    expect(["", "Atlantis", "XX", "constructor", "__proto__"].map(countryMeant)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
