/**
 * Exact paths → who answers which method. For the routes that are answered before any application is loaded.
 *
 *   "/v1/tokens" → { POST: mint, other: "only POST" }
 *
 * Keeps: finding a route costs one look-up, whatever stands in the query: nothing of it is parsed here, since a parser
 * that gathers `?a=1&a=1…` into lists was quadratic, on every path and without a key. A path is matched whole, so no
 * first segment is taken for a prefix; one slash at its end is forgiven.
 */
type Answer = Response | Promise<Response>;
export type Handler = (request: Request, env: Env, ctx: ExecutionContext) => Answer;

/** Handlers by method; `other` answers the methods that have none. */
export type Route = { readonly [method: string]: Handler } & { readonly other: Handler };

export type Routes = ReadonlyMap<string, Route>;

/** The handler of a request at `path` (of `pathOf`); undefined when no route stands there. */
export function handlerOf(routes: Routes, path: string, method: string): Handler | undefined {
  const route = routes.get(path) ?? (path.endsWith("/") ? routes.get(path.slice(0, -1)) : undefined);
  if (route === undefined) return undefined;
  return Object.hasOwn(route, method) ? route[method] : route.other;
}
