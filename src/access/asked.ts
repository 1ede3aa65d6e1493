/**
 * What a handler of the API is handed, once the guard (src/api/app.ts) has let its request pass.
 */
import type { Context } from "hono";
import type { Config } from "../config.ts";
import type { Principal } from "./api-keys.ts";
import type { Actor } from "./audit.ts";
import type { Whose } from "./looks.ts";

export type ApiEnv = { Bindings: Env; Variables: { principal: Principal; body: unknown } };

/** Of a route that takes no key. */
export type Asked = {
  readonly request: Request;
  readonly env: Env;
  readonly config: Config;
  readonly nowMs: number;
  /** A part of the path, decoded. */
  readonly param: (name: string) => string;
  readonly search: () => URLSearchParams;
  /** As the route's bound let it in; undefined where the route takes none. */
  readonly body: unknown;
  readonly context: Context<ApiEnv>;
  /** Asks a route of the API as the holder of a key, past the header and nothing else: what pages are made of. */
  readonly askAs: (principal: Principal, request: Request) => Promise<Response>;
};

/** Of a route that takes a key. */
export type Keyed = Asked & {
  readonly principal: Principal;
  readonly actor: Actor;
  /** Where a handler notes whose rows it answers with, for the record of an auditor's looks. */
  readonly whose: Whose;
};
