/**
 * A JSON Schema for people: a table of members, each with what it is, in a line; what is nested opens.
 *
 * Keeps: finite: a schema that holds itself is named and not drawn again, and so is what lies too deep.
 */

import { type OpenApi, type Schema, schemaName } from "./document.ts";
import { Said } from "./said.tsx";

const DEPTH_MAX = 4;
const LISTED_MAX = 24;

type Props = {
  readonly schema: Schema;
  readonly document: OpenApi;
  readonly depth?: number;
  readonly within?: readonly string[];
};

/** The members of an object, or what else a body is. */
export function SchemaView({ schema, document, depth = 0, within = [] }: Props) {
  const resolved = resolve(schema, document);
  const { properties } = resolved.schema;
  const path = resolved.name === null ? within : [...within, resolved.name];
  if (properties === undefined) {
    const inner = inside(resolved.schema);
    const isDeep = inner !== null && depth < DEPTH_MAX;
    return (
      <>
        <p class="soft">
          {typeOf(schema, document)}
          {noteOf(resolved.schema)}
        </p>
        {isDeep ? <SchemaView {...{ document, depth: depth + 1, within: path, schema: inner }} /> : null}
      </>
    );
  }
  return (
    <table class="members">
      <thead>
        <tr>
          <th scope="col">member</th>
          <th scope="col">is</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(properties).map(([name, member]) => (
          <tr>
            <th scope="row">
              <code>{name}</code>
              {resolved.schema.required?.includes(name) === true ? "" : <span class="soft"> optional</span>}
            </th>
            <td>
              <Member {...{ schema: member, document, depth, within: path }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Member({ schema, document, depth = 0, within = [] }: Props) {
  const { schema: resolved, name } = resolve(schema, document);
  const inner = resolved.properties === undefined ? inside(resolved) : resolved;
  const opened = inner === null ? null : resolve(inner, document);
  const mayOpen =
    opened !== null &&
    opened.schema.properties !== undefined &&
    depth < DEPTH_MAX &&
    !(opened.name !== null && within.includes(opened.name)) &&
    !(name !== null && within.includes(name));
  return (
    <>
      {typeOf(schema, document)}
      {noteOf(resolved)}
      <Said text={resolved.description === undefined || mayOpen ? "" : `. ${resolved.description}`} />
      {mayOpen && opened !== null ? (
        <details>
          <summary>
            <Said text={`members${resolved.description === undefined ? "" : `: ${resolved.description}`}`} />
          </summary>
          <SchemaView
            {...{ schema: opened.schema, document, depth: depth + 1, within: [...within, opened.name ?? ""] }}
          />
        </details>
      ) : null}
    </>
  );
}

/** What a list holds, or the one part of a union that is an object. */
function inside({ items, anyOf, oneOf }: Schema): Schema | null {
  if (items !== undefined) return items;
  const parts = (anyOf ?? oneOf ?? []).filter(({ type }) => type !== "null");
  return parts.length === 1 ? (parts[0] ?? null) : null;
}

function resolve(schema: Schema, document: OpenApi): { readonly schema: Schema; readonly name: string | null } {
  if (schema.$ref === undefined) return { schema, name: null };
  const name = schemaName(schema.$ref);
  return { schema: document.components.schemas[name] ?? {}, name };
}

/** What a value is, in words: "list of text", "integer or null". */
export function typeOf(schema: Schema, document: OpenApi): string {
  const { schema: resolved } = resolve(schema, document);
  if (resolved.enum !== undefined) return listed(resolved.enum);
  if (resolved.const !== undefined) return JSON.stringify(resolved.const);
  const parts = resolved.anyOf ?? resolved.oneOf;
  if (parts !== undefined) return [...new Set(parts.map((part) => typeOf(part, document)))].join(" or ");
  if (resolved.items !== undefined) return `list of ${typeOf(resolved.items, document)}`;
  const types = typeof resolved.type === "string" ? [resolved.type] : (resolved.type ?? []);
  const words = types.map((type) => (type === "string" ? (resolved.format ?? "text") : type));
  return words.length === 0 ? "any value" : words.join(" or ");
}

function listed(values: readonly unknown[]): string {
  const shown = values.slice(0, LISTED_MAX).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return values.length > LISTED_MAX ? `${shown.join(" · ")} …` : shown.join(" · ");
}

/** Bounds and what stands where nothing is given. */
export function noteOf({
  minimum,
  maximum,
  minLength,
  maxLength,
  minItems,
  maxItems,
  default: preset,
}: Schema): string {
  const isBound = (value: number | undefined) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  const between = (from: number | undefined, to: number | undefined, unit: string) => {
    if (isBound(from) && isBound(to)) return ` from ${from} to ${to}${unit}`;
    if (isBound(to)) return ` to ${to}${unit}`;
    return isBound(from) && from !== 0 ? ` from ${from}${unit}` : "";
  };
  const presetNote =
    preset === undefined || JSON.stringify(preset).length > 40 ? "" : `; ${JSON.stringify(preset)} unless given`;
  return (
    between(minimum, maximum, "") +
    between(minLength, maxLength, " characters") +
    between(minItems, maxItems, " of them") +
    presetNote
  );
}
