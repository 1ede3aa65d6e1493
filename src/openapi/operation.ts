/**
 * What the OpenAPI document is made of: one operation for each method of a path, with what it takes and what it
 * answers.
 *
 * Keeps: what is taken is stated by the schema that validates it, or by one that a test compares with the validator.
 * Each operation has an example; its answer is recorded from the Worker (src/openapi/examples.json), never written by
 * hand.
 */
import * as z from "zod";
import type { Scope } from "../access/api-keys.ts";
import type { ProblemInfo } from "./problems.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Members of an object schema that say more than its converter can: what a text is converted to. */
export type Refinements = Readonly<Record<string, JsonSchema>>;

/** One request, as the document shows it and a test sends it. */
export type Example = {
  readonly name: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /**
   * Who asks; the operator unless told. `none`: nobody; `report`, `convert`: an advertiser whose key has that scope
   * alone; `exhausted`: one whose key has asked too often.
   */
  readonly key?: "none" | "report" | "convert" | "exhausted";
  readonly status: number;
};

/** What a status answers; without `type` the answer has no body. */
export type Answer = {
  readonly means: string;
  readonly type?: string;
  /** Name of a component. */
  readonly schema?: string;
  /** Further media types, whose bodies are texts. */
  readonly texts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Those that some answers have. */
  readonly maybeHeaders?: Readonly<Record<string, string>>;
};

export type Operation = {
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete" | "options";
  /** With `{name}` for a part that varies. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Any of these lets a key in; null when no key is asked for. */
  readonly scopes: readonly Scope[] | null;
  /** A signed postback needs no key. */
  readonly maySign?: boolean;
  readonly query?: z.ZodType;
  readonly refine?: Refinements;
  /** Name of a component, and the media types besides JSON under which it is taken. */
  readonly body?: { readonly schema: string; readonly alsoAs?: readonly string[]; readonly isOptional?: boolean };
  readonly answers: Readonly<Record<number, Answer>>;
  readonly problems: readonly ProblemInfo[];
  readonly examples: readonly Example[];
};

/** An answer in JSON. */
export function json(means: string, schema: string, more: Partial<Answer> = {}): Answer {
  return { means, type: "application/json", schema, ...more };
}

/** The JSON Schema of what a zod schema takes. */
export function toInputSchema(schema: z.ZodType, refine: Refinements = {}): JsonSchema {
  const { $schema, ...converted } = z.toJSONSchema(schema, { io: "input" }) as Record<string, unknown>;
  const { properties } = converted as { properties?: Record<string, JsonSchema> };
  if (properties === undefined) return converted;
  const refined = Object.entries(properties).map(([name, property]) => [name, refineProperty(property, refine[name])]);
  return { ...converted, properties: Object.fromEntries(refined) };
}

/** A refinement takes the place of the type, and keeps what was said in words. */
function refineProperty(property: JsonSchema, refinement: JsonSchema | undefined): JsonSchema {
  if (refinement === undefined) return property;
  const { description } = property;
  return description === undefined ? refinement : { description, ...refinement };
}
