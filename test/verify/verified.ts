/** The stranger's verifier over a world in memory. */
import { createHash } from "node:crypto";
import type { Keep, Kept } from "../../packages/verify/src/keep.js";
import type { Store } from "../../packages/verify/src/store.js";
import { readTokenKeys } from "../../packages/verify/src/token.js";
import { type Report, verifyStatement } from "../../packages/verify/src/verify.js";
import { WORLD_ADVERTISER, WORLD_NOW_MS, WORLD_SECRET, WORLD_TOKEN_KEY, type World } from "./world.ts";

export function objectsOf({ r2 }: Pick<World, "r2">): Map<string, Uint8Array> {
  return new Map(Array.from(r2.objects, ([key, { bytes }]) => [key, bytes]));
}

export function memoryStore(objects: ReadonlyMap<string, Uint8Array>): Store {
  return {
    bytes: async (key) => objects.get(key) ?? null,
    file: async (key) => {
      const bytes = objects.get(key);
      if (bytes === undefined) return null;
      return {
        byteLength: bytes.length,
        slice: async (start: number, end?: number) => Uint8Array.from(bytes.subarray(start, end)).buffer,
        sha256: async () => createHash("sha256").update(bytes).digest("hex"),
      };
    },
  };
}

export function memoryKeep(kept: Record<string, Kept> = {}): Keep {
  return {
    read: async () => ({ ...kept }),
    write: async (origin: string, seen: Kept) => {
      kept[origin] = seen;
    },
  };
}

export function verified(
  objects: ReadonlyMap<string, Uint8Array>,
  number: number,
  more: Partial<Parameters<typeof verifyStatement>[0]> & { readonly logKey: string | null },
): Promise<Report> {
  return verifyStatement({
    ...{ store: memoryStore(objects), owner: { advertiserId: WORLD_ADVERTISER }, number, secret: WORLD_SECRET },
    ...{ tokenKeys: readTokenKeys([[WORLD_TOKEN_KEY.kid, WORLD_TOKEN_KEY.x]]), keep: memoryKeep() },
    nowMs: WORLD_NOW_MS,
    ...more,
  });
}
