/**
 * What kind a binding is, told by its methods.
 *
 * Keeps: a service, as that of the static files, answers to every name as to a method of its other side, so it is never
 * taken for another kind: it is known by `fetch`, which no other binding has.
 */
export function hasMethods(bound: unknown, ...names: readonly string[]): boolean {
  const of = (bound ?? {}) as Readonly<Record<string, unknown>>;
  const isMethod = (name: string) => typeof of[name] === "function";
  return names.every(isMethod) && !isMethod("fetch");
}
