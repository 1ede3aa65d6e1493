/**
 * Exact paths → who answers which method. For the routes that are answered before any application is loaded.
 *
 *   "/v1/tokens" → { POST: mint, other: "only POST" }
 *
 * itty-router matches; it is handed the method and the path alone, since it gathers `?a=1&a=1…` into lists by copying,
 * which is quadratic, on every path and without a key. Handlers get the request as it came.
 *
 * Keeps: nothing of a query is parsed to find a route. A path is matched whole: it stands in the table without `:name`
 * or `*`, and `/api` is taken off before (`pathOf`), so no first segment is taken for a prefix. One slash at its end is
 * forgiven: itty-router forgives any number, and `pathOf` has left one.
 */
import { type IRequest, IttyRouter } from "itty-router";

type Answer = Response | Promise<Response>;
type Handler = (request: Request, env: Env, ctx: ExecutionContext) => Answer;

/** Handlers by method; `other` answers the methods that have none. */
export type Route = { readonly [method: string]: Handler } & { readonly other: Handler };

export type Routes = ReadonlyMap<string, Route>;

/** Answers a request at `path` (of `pathOf`); undefined when no route stands there. */
export type Router = (request: Request, path: string, env: Env, ctx: ExecutionContext) => Promise<Response | undefined>;

/** itty-router reads the path from a URL; this one has nothing else to read. */
const NO_ORIGIN = "http://h";

export function routerOf(routes: Routes): Router {
  const router = IttyRouter<IRequest, [Request, Env, ExecutionContext]>();
  for (const [path, { other, ...methods }] of routes) {
    for (const [method, handle] of Object.entries({ ...methods, ALL: other })) {
      const handler = (_: IRequest, request: Request, env: Env, ctx: ExecutionContext) => handle(request, env, ctx);
      router[method](path, handler);
    }
  }
  return (request, path, env, ctx) =>
    router.fetch({ method: request.method, url: NO_ORIGIN + path }, request, env, ctx);
}
