/**
 * The OpenAPI document as the pages of the reference read it: the file of the deployment, by area and by operation.
 *
 *   area "Late clicks" → /docs/late-clicks      operation createKey → /docs/keys#createKey
 *
 * Keeps: shows what the document says; nothing about an operation is written here.
 */
import type { Asked } from "../access/asked.ts";

export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
};
export type Examples = Readonly<Record<string, { readonly value?: unknown; readonly description?: string }>>;
export type Content = Readonly<Record<string, { readonly schema?: Schema; readonly examples?: Examples }>>;
export type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly examples?: Examples;
};
export type ProblemInfo = { readonly type: string; readonly status: number; readonly title: string };
export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, { readonly description?: string }>>;
        readonly content?: Content;
      }
    >
  >;
  readonly "x-problems": readonly ProblemInfo[];
};
export type OpenApi = {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly summary: string;
    readonly description: string;
  };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

export type Placed = { readonly method: string; readonly path: string; readonly operation: Operation };
export type Area = {
  readonly name: string;
  readonly slug: string;
  readonly means: string;
  readonly operations: readonly Placed[];
};

/** The document of this deployment; null while its file cannot be read. */
export async function readDocument({ env }: Pick<Asked, "env">): Promise<OpenApi | null> {
  const answered = await env.ASSETS.fetch("https://assets.invalid/openapi.json");
  return answered.ok ? await answered.json<OpenApi>() : null;
}

export function areasOf({ tags, paths }: OpenApi): Area[] {
  const placed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({ method: method.toUpperCase(), path, operation })),
  );
  return tags.map(({ name, description }) => ({
    ...{ name, slug: slugOf(name), means: description },
    operations: placed.filter(({ operation }) => operation.tags[0] === name),
  }));
}

/** Every problem that any operation answers, by status and address. */
export function problemsOf(document: OpenApi): ProblemInfo[] {
  const all = areasOf(document).flatMap(({ operations }) => operations.flatMap((one) => one.operation["x-problems"]));
  const byType = new Map(all.map((problem) => [problem.type, problem]));
  return [...byType.values()].toSorted(
    (left, right) => left.status - right.status || (left.type < right.type ? -1 : 1),
  );
}

function slugOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

export const schemaName = (reference: string) => reference.split("/").at(-1) ?? "";
