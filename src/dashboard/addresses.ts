/**
 * Addresses of pages with what they are about, and what an address says.
 *
 * Keeps: pure; what is null or empty stands in no address, and what stands empty in one says nothing.
 */

export function pathOf(path: string, query: Readonly<Record<string, string | null | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** What an address says of some parameters. */
export function givenIn(search: URLSearchParams, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = search.get(name);
      return value === null || value === "" ? [] : [[name, value] as const];
    }),
  );
}
