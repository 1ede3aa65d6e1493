/**
 * The log as everybody reads it, without a key: the checkpoint, tiles and bundles of C2SP tlog-tiles, and its keys.
 *
 *   GET /evidence/checkpoint                            text/plain; never from a cache
 *   GET /evidence/tile/<L>/<N>[.p/<W>]                  application/octet-stream; for ever in any cache
 *   GET /evidence/tile/entries/<N>[.p/<W>]              likewise
 *   GET /evidence/keys                                  {"origin":…,"keys":[{"vkey":…,"since":…,"statement":…}]}
 *
 * Keeps: what R2 holds is answered byte for byte. A partial tile that is not there is cut from the full one, of which
 * it is a prefix. A path that names no tile asks R2 for nothing; any other at most two objects.
 */
import type { Asked } from "../access/asked.ts";
import { HASH_BYTES } from "../core/merkle.ts";
import { decodeEntries, encodeEntries, parseTilePath, TILE_WIDTH, type TileName } from "../core/tiles.ts";
import { problemResponse } from "../problem.ts";
import { decodeKeyList } from "./keys.ts";
import { CHECKPOINT_KEY, KEYS_KEY, readText, tileKey } from "./objects.ts";

const PREFIX = "/evidence/";
const HEADERS = { "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff" } as const;
const FOR_EVER = "public, max-age=31536000, immutable";

const NOTHING_YET =
  "The evidence log has published nothing yet: this deployment keeps none (EVIDENCE_LOG_KEYS is []), or it is new.";
const NO_TILE =
  "Name a tile as C2SP tlog-tiles does, tile/<level>/<index>[.p/<width>] or tile/entries/…, of the checkpoint's tree.";

export async function answerCheckpoint({ env }: Asked): Promise<Response> {
  const stored = await readText(env.ARCHIVE, CHECKPOINT_KEY);
  if (stored === null) return notFound(NOTHING_YET);
  return answer(stored.text, "text/plain; charset=utf-8", "no-store");
}

export async function answerKeys({ env }: Asked): Promise<Response> {
  const stored = await readText(env.ARCHIVE, KEYS_KEY);
  if (stored === null) return notFound(NOTHING_YET);
  const { origin, keys } = decodeKeyList(stored.text);
  return answer(JSON.stringify({ origin, keys }), "application/json", "no-store");
}

export async function answerTile({ env, context }: Asked): Promise<Response> {
  const path = context.req.path;
  const tile = path.startsWith(PREFIX) ? parseTilePath(path.slice(PREFIX.length)) : null;
  const bytes = tile === null ? null : await readTile(env.ARCHIVE, tile);
  return bytes === null ? notFound(NO_TILE) : answer(bytes, "application/octet-stream", FOR_EVER);
}

async function readTile(bucket: R2Bucket, tile: TileName): Promise<Uint8Array | null> {
  const object = await bucket.get(tileKey(tile));
  if (object !== null) return new Uint8Array(await object.arrayBuffer());
  if (tile.width === TILE_WIDTH) return null;
  const full = await readTile(bucket, { ...tile, width: TILE_WIDTH });
  if (full === null) return null;
  return tile.level === "entries" ? firstEntries(full, tile.width) : full.slice(0, tile.width * HASH_BYTES);
}

function firstEntries(bytes: Uint8Array, count: number): Uint8Array {
  return encodeEntries((decodeEntries(bytes) ?? []).slice(0, count));
}

function answer(body: string | Uint8Array, type: string, cache: string): Response {
  return new Response(body, { headers: { ...HEADERS, "Content-Type": type, "Cache-Control": cache } });
}

function notFound(detail: string): Response {
  return problemResponse({ reason: "not_found", detail }, HEADERS);
}
