/** Values against the schemas of the document, by a validator that knows JSON Schema 2020-12. */
import { Validator } from "@cfworker/json-schema";
import { componentSchemas, ref } from "../../src/openapi/components.ts";

const schemas = componentSchemas();
const validators = new Map<string, Validator>();

/** Where and how a value does not fit a component, or an empty list. */
export function faultsOf(component: string, value: unknown): string[] {
  const known = validators.get(component) ?? make(component);
  validators.set(component, known);
  return known.validate(value).errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

export function fits(component: string, value: unknown): boolean {
  return faultsOf(component, value).length === 0;
}

function make(component: string): Validator {
  if (!Object.hasOwn(schemas, component)) throw new Error(`no component ${component}`);
  return new Validator({ ...ref(component), components: { schemas } }, "2020-12");
}
