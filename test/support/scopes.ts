/** Scopes of keys that nobody issued. */
import { ReadScope } from "../../src/access/read-scope.ts";

type Owner = { readonly advertiserId?: string | null; readonly publisherId?: string | null };

/** What a key of that owner reads; all without one. */
export function aScope({ advertiserId = null, publisherId = null }: Owner = {}): ReadScope {
  const mintLimits = { advertisers: null, publishers: null, cpcMicrosMax: null };
  return ReadScope.of({
    ...{ keyId: "key_test", advertiserId, publisherId, scopes: new Set(["report"] as const), account: null },
    mintLimits,
  });
}
