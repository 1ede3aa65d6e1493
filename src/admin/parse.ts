/**
 * Bodies and query strings of the administration → checked values, by one strict zod schema each.
 *
 * Keeps: an unknown field is refused with the nearest name, so a misspelt limit never turns into no limit. The first
 * fault is the one reported. What is wrong is said; what was sent is not repeated beyond a name.
 */
import * as z from "zod";
import { CANARY_ID } from "../core/canary.ts";
import { isId } from "../core/claims.ts";
import { CPC_MICROS_MAX, ID_LENGTH_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { suggestName } from "../report/query/nearest-name.ts";

const NAME_LENGTH_MAX = 200;
const PAGE_MAX = 1_000;
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/** Escapes that generators of other languages read too. */
const NO_CONTROLS = "^[^\\x00-\\x1f\\x7f-\\x9f]*$";

/** What `isId` checks, as JSON Schema says it. */
const ID_PATTERN = "^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$";

export const id = z
  .string()
  .refine(isId, "An id is 1 to 64 of A–Z a–z 0–9 _ - . and not only dots.")
  .meta({ pattern: ID_PATTERN, minLength: 1, maxLength: ID_LENGTH_MAX });
/** The canary is nobody's tenant, so that what it clicks counts for nobody. */
export const tenantId = id.refine(
  (given) => given !== CANARY_ID,
  `The id ${CANARY_ID} is the canary's: choose another.`,
);
export const name = z
  .string()
  .trim()
  .min(1)
  .max(NAME_LENGTH_MAX)
  .refine((text) => !/\p{Cc}/u.test(text), "A name holds no control characters.")
  .meta({ pattern: NO_CONTROLS });
export const status = z.enum(["active", "paused", "archived"]);
export const currency = z
  .string()
  .refine((code) => CURRENCIES.has(code), "A currency is an ISO 4217 code, like EUR.")
  .meta({ pattern: "^[A-Z]{3}$" });
export const timeZone = z.string().refine(isTimeZone, "A time zone is an IANA name, like Europe/Berlin.");
export const micros = z.int().min(0).max(CPC_MICROS_MAX);

/** What every list takes: how many, and after which id. */
export const pageShape = { limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100), after: id.optional() };

type Shape = z.core.$ZodLooseShape;

/** The fields of a body. */
export function parseBody<T extends Shape>(
  body: object,
  schema: z.ZodObject<T>,
): Result<z.output<z.ZodObject<T>>, ReportProblem> {
  return check(body, schema);
}

/** The parameters of a query string, of which the front lets each in once (src/api/app.ts). */
export function parseSearch<T extends Shape>(
  search: URLSearchParams,
  schema: z.ZodObject<T>,
): Result<z.output<z.ZodObject<T>>, ReportProblem> {
  return check(Object.fromEntries(search), schema);
}

function check<T extends Shape>(
  value: object,
  schema: z.ZodObject<T>,
): Result<z.output<z.ZodObject<T>>, ReportProblem> {
  const parsed = schema.safeParse(value);
  return parsed.success ? ok(parsed.data) : err(toProblem(parsed.error.issues, value, Object.keys(schema.shape)));
}

/** An unknown name first, since it explains a missing one. */
function toProblem(issues: readonly z.core.$ZodIssue[], value: object, names: readonly string[]): ReportProblem {
  for (const issue of issues) {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    if (unknown === undefined) continue;
    const known = issue.path.length === 0 ? { detail: suggestName(unknown, names) } : {};
    const field = [...issue.path, unknown.slice(0, 64)].join(".");
    return { reason: "unknown_parameter", field, ...known };
  }
  const issue = issues[0];
  const field = issue?.path.join(".") ?? "";
  const isMissing = issue?.path.length === 1 && !Object.hasOwn(value, String(issue.path[0]));
  if (isMissing) return { reason: "missing_parameter", field };
  return { reason: "invalid_value", detail: issue?.message ?? "", ...(field === "" ? {} : { field }) };
}

/** Names only: an offset is no zone, since it knows no summer time. */
function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }) instanceof Intl.DateTimeFormat;
  } catch {
    // Intl throws RangeError for a zone that it does not know.
    return false;
  }
}
