/**
 * Filters: which values of a dimension count, or which do not.
 *
 *   ad_id=a,b     any of these        ad_id!=a,b     none of these        country=(unset)     rows without a country
 *
 * A filter is a parameter of the dimension's name, with `!` behind it where its values are excluded. Keeps: a value
 * that no row can have is refused with what was probably meant, since it would make an answer empty, or wide, without a
 * word. An id that begins with `-` is an id.
 */
import * as z from "zod";
import { isId } from "../../core/claims.ts";
import { countryMeant, isCountry } from "../../core/country.ts";
import { DEVICE_CLASSES } from "../../core/device.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { ReportProblem } from "../problems.ts";
import { DIMENSIONS, type Dimension, MAY_BE_UNSET, UNSET, valuesOf } from "./fields.ts";
import { nearestName, suggestName } from "./nearest-name.ts";
import type { Filter } from "./query.ts";

/** Values as the facts have them; '' where a row has none. */
type FilterParameters = Partial<Record<Dimension | Excluding, string[] | undefined>>;
type Excluding = `${Dimension}!`;

const CURRENCIES: readonly string[] = Intl.supportedValuesOf("currency");

type Convert = (value: string) => Result<string, string>;

function toCountry(value: string): Result<string, string> {
  const code = value.toUpperCase();
  if (isCountry(code)) return ok(code);
  const meant = countryMeant(value);
  const hint = meant === null ? "" : ` Did you mean ${meant}?`;
  return err(`"${value.slice(0, 64)}" is no country.${hint} A country is a code of ISO 3166-1 like DE, T1 for Tor.`);
}

function toDevice(value: string): Result<string, string> {
  const device = DEVICE_CLASSES.find((known) => known === value.toLowerCase());
  return device === undefined ? err(suggestName(value, DEVICE_CLASSES)) : ok(device);
}

function toCurrency(value: string): Result<string, string> {
  const code = value.toUpperCase();
  if (CURRENCIES.includes(code)) return ok(code);
  const nearest = nearestName(code, CURRENCIES);
  const hint = nearest === null ? "" : ` Did you mean ${nearest}?`;
  return err(`"${value.slice(0, 64)}" is no currency.${hint} A currency is a code of ISO 4217, like EUR.`);
}

function toId(value: string): Result<string, string> {
  if (isId(value)) return ok(value);
  return err("An id is 1 to 64 of A–Z a–z 0–9 _ - . and not only dots; several are separated by commas.");
}

const CONVERTERS: Readonly<Record<ReturnType<typeof valuesOf>, Convert>> = {
  id: toId,
  country: toCountry,
  device: toDevice,
  currency: toCurrency,
};

/** The value that a word names in a dimension; the error is a sentence for the caller. */
function toValue(dimension: Dimension, word: string): Result<string, string> {
  if (word === UNSET) {
    return MAY_BE_UNSET.has(dimension) ? ok("") : err(`Every row has its ${dimension}: none is ${UNSET}.`);
  }
  const value = CONVERTERS[valuesOf(dimension)](word);
  if (value.ok || !word.startsWith("-")) return value;
  return err(`${value.error} To exclude a value, write ${dimension}!=${word.slice(1, 64)}.`);
}

function valueList(dimension: Dimension) {
  const convert = (word: string, context: z.RefinementCtx): string => {
    const value = toValue(dimension, word);
    if (value.ok) return value.value;
    context.addIssue({ code: "custom", message: value.error, params: { reason: "invalid_value" } });
    return z.NEVER;
  };
  return z.array(z.string()).transform((words, context) => words.map((word) => convert(word, context)));
}

type FilterShape = Record<Dimension | Excluding, z.ZodOptional<ReturnType<typeof valueList>>>;

/** The parameters of all filters. */
export const FILTER_SHAPE = Object.fromEntries(
  DIMENSIONS.flatMap((dimension) => {
    const unset = MAY_BE_UNSET.has(dimension) ? ` ${UNSET} stands for none.` : "";
    const [included, excluded] = [valueList(dimension).optional(), valueList(dimension).optional()];
    return [
      [dimension, included.describe(`Only rows with any of these values.${unset}`)],
      [`${dimension}!`, excluded.describe(`Only rows with none of these values.${unset}`)],
    ];
  }),
) as FilterShape;

/** The filters of a query, or why they leave nothing. */
export function filtersOf(parameters: FilterParameters): Result<Filter[], ReportProblem> {
  const filters: Filter[] = [];
  for (const dimension of DIMENSIONS) {
    const include = [...new Set(parameters[dimension])];
    const exclude = [...new Set(parameters[`${dimension}!`])];
    if (include.length === 0 && exclude.length === 0) continue;
    if (include.length > 0 && include.every((value) => exclude.includes(value))) {
      const detail = `Whatever ${dimension} names is excluded too.`;
      return err({ reason: "invalid_value", detail, field: `${dimension}!` });
    }
    filters.push({ dimension, include, exclude });
  }
  return ok(filters);
}
