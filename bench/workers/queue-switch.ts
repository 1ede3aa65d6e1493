/**
 * A Worker whose queue can be left out: what is left is the redirect's own work.
 *
 *   PUT /bench/queue/off, PUT /bench/queue/on → 204
 *
 * Keeps: the way of every other request is the same either way; the queue that is left out takes everything and is done.
 */
type Incoming = Request<unknown, IncomingRequestCfProperties<unknown>>;
type Fetch<E> = (request: Incoming, env: E, ctx: ExecutionContext) => Response | Promise<Response>;

const TAKES_ALL = { send: async () => ({}), sendBatch: async () => ({}) };

/** `fetch` with its bindings, or with those of `queue` replaced. */
export function withQueueSwitch<E extends object>(queue: keyof E & string, fetch: Fetch<E>): Fetch<E> {
  let isOff = false;
  let without: { readonly env: E; readonly own: E } | null = null;
  return (request, env, ctx) => {
    if (request.method === "PUT") {
      isOff = request.url.endsWith("/off");
      return new Response(null, { status: 204 });
    }
    if (!isOff) return fetch(request, env, ctx);
    if (without?.env !== env) without = { env, own: { ...env, [queue]: TAKES_ALL } };
    return fetch(request, without.own, ctx);
  };
}
