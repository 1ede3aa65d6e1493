/**
 * Countries, as the edge names them: ISO 3166-1 alpha-2, and two codes more that it uses.
 *
 *   XK   Kosovo, which ISO leaves to users        T1   the Tor network, which is in no country
 *
 * Keeps: one kind of unknown, which is no country at all: `XX` and whatever else is not here is nobody's code.
 * Source: ISO 3166-1:2020 with its newsletters up to 2026-11 (249 codes).
 */

const CODES =
  "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA " +
  "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA " +
  "GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
  "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS " +
  "MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS " +
  "RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW " +
  "TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK T1";

/** Every code that a fact may hold. */
export const COUNTRIES: ReadonlySet<string> = new Set(CODES.split(" "));

/** What people write for a code that is another. */
const MISTAKEN: Readonly<Record<string, string>> = {
  ...{ UK: "GB", EN: "GB", GBR: "GB", ENGLAND: "GB", "GREAT BRITAIN": "GB", EL: "GR" },
  ...{ USA: "US", UAE: "AE", DEU: "DE", GER: "DE", AUT: "AT", CHE: "CH", SUI: "CH", FRA: "FR", ESP: "ES", ITA: "IT" },
  ...{ JPN: "JP", CHN: "CN", IND: "IN", BRA: "BR", CAN: "CA", AUS: "AU", NLD: "NL", HOLLAND: "NL", SWE: "SE" },
};

export function isCountry(value: unknown): value is string {
  return typeof value === "string" && COUNTRIES.has(value);
}

/** The code that somebody meant who wrote a name, or another code; null when nobody can tell. */
export function countryMeant(text: string): string | null {
  const written = text.trim().toUpperCase();
  if (Object.hasOwn(MISTAKEN, written)) return MISTAKEN[written] ?? null;
  const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
  for (const code of COUNTRIES) {
    // T1 is no region to Intl, which throws at what is not even shaped like one.
    if (code !== "T1" && names.of(code)?.toUpperCase() === written) return code;
  }
  return null;
}
