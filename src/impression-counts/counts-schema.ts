/**
 * The schema of a row of uploaded counts, which validates it and is its documentation.
 *
 * Keeps: strict: an unknown field is refused. Every dimension of the catalogue (core/fields.ts) is a field.
 */
import * as z from "zod";
import { instant, toInstantMs } from "../conversions/fields.ts";
import { isId } from "../core/claims.ts";
import { COUNTRIES } from "../core/country.ts";
import { DEVICE_CLASSES } from "../core/device.ts";
import { DIMENSION_FIELDS, DIMENSIONS, type Dimension } from "../core/fields.ts";
import { COUNTS_PER_ROW_MAX, ID_LENGTH_MAX } from "../core/limits.ts";

/** What `isId` checks, as JSON Schema says it. */
const ID_PATTERN = "^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$";

const id = z.string().refine(isId).meta({ pattern: ID_PATTERN, minLength: 1, maxLength: ID_LENGTH_MAX });
const orNone = (value: string | null | undefined) => value ?? "";
const VALUES = {
  id: {
    required: id,
    optional: z
      .union([id, z.literal("")])
      .nullish()
      .transform(orNone),
  },
  country: z
    .union([z.enum([...COUNTRIES, "XX"]), z.literal("")])
    .nullish()
    .transform((code) => (code === "XX" ? "" : orNone(code)))
    .describe("ISO 3166-1, two letters."),
  device: z
    .enum(DEVICE_CLASSES)
    .nullish()
    .transform((device) => device ?? "other")
    .describe("other unless given."),
} as const;
const dimensionMembers = Object.fromEntries(
  DIMENSIONS.map((name) => {
    const { values, isRequired } = DIMENSION_FIELDS[name];
    return [name, values === "id" ? VALUES.id[isRequired ? "required" : "optional"] : VALUES[values]];
  }),
) as unknown as Readonly<Record<Dimension, z.ZodType<string>>>;

const impressions = z.int().min(0).max(COUNTS_PER_ROW_MAX);

export const CountsRow = z.strictObject({
  minute: instant.transform(toInstantMs).describe("RFC 3339 with its zone, or milliseconds since 1970."),
  ...dimensionMembers,
  impressions: impressions.describe("Valid ones."),
  gross_impressions: impressions
    .optional()
    .describe("All of them, no fewer than the valid ones; as many unless given."),
});
