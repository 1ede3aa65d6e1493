/**
 * The API as the pages ask it: in this process, as the holder of the session's key, through the same guard, handlers
 * and budgets as everybody. So a page can show nothing that the API does not say to that key.
 *
 *   get("/v1/metrics/clicks", {from, to, …}) → what the answer says, integers exact, or its problem
 *
 * Keeps: a refusal is a problem as the API words it; whatever else comes is one too. What was asked of reports is
 * noted, for "as curl".
 */
import type { Principal } from "../access/api-keys.ts";
import type { Asked } from "../access/asked.ts";
import { parseExact } from "../core/exact.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ProblemJson } from "../problem.ts";

export type Query = Readonly<Record<string, string>>;

export class ApiClient {
  readonly #askAs: Asked["askAs"];
  readonly #principal: Principal;
  readonly #base: Request;

  constructor({ askAs, request }: Pick<Asked, "askAs" | "request">, principal: Principal) {
    this.#askAs = askAs;
    this.#principal = principal;
    this.#base = request;
  }

  get<T>(path: string, query: Query = {}): Promise<Result<T, ProblemJson>> {
    return this.#read<T>(this.fetch(path, query));
  }

  /** Acts: JSON in, JSON out. */
  send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body: unknown): Promise<Result<T, ProblemJson>> {
    const url = new URL(path, this.#base.url);
    const headers = { "Content-Type": "application/json", ...this.#from() };
    return this.#read<T>(
      this.#askAs(this.#principal, new Request(url, { method, headers, body: JSON.stringify(body) })),
    );
  }

  /** The answer as it is, for what is passed on. */
  fetch(path: string, query: Query = {}, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const url = new URL(addressOfQuery(path, query), this.#base.url);
    return this.#askAs(this.#principal, new Request(url, { headers: { ...headers, ...this.#from() } }));
  }

  async #read<T>(asked: Promise<Response>): Promise<Result<T, ProblemJson>> {
    const answered = await asked;
    const text = await answered.text();
    const body = text === "" ? null : parseExact(text);
    if (answered.ok) return ok(body as T);
    return err(body as ProblemJson);
  }

  /** Where the person is, as the API's audit log and limits know a caller. */
  #from(): Record<string, string> {
    const address = this.#base.headers.get("CF-Connecting-IP");
    return address === null ? {} : { "CF-Connecting-IP": address };
  }
}

/** One record of a list by its id; null where the id cannot be one, since dots alone are steps in a path. */
export async function readOne<T>(api: ApiClient, list: string, id: string): Promise<Result<T, ProblemJson> | null> {
  return /^\.+$/.test(id) ? null : api.get<T>(`${list}/${encodeURIComponent(id)}`);
}

/** A path with its query, spelled for people: `country!=DE`, lists with commas. */
export function addressOfQuery(path: string, query: Query): string {
  const search = new URLSearchParams(query).toString().replaceAll("%21=", "!=").replaceAll("%2C", ",");
  return search === "" ? path : `${path}?${search}`;
}
