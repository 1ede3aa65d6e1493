/**
 * Which keys the log has had, in R2, and which of them sign today.
 *
 *   keys.json {"v":1,"origin":"ads.example/evidence","keys":[{"vkey":"…","since":"…","statement":null}, …]}
 *
 * Keeps: the list only grows. A key that is configured and not yet there is introduced by a statement of those that are
 * both; where none is, the log stops, since nobody could follow. A key signs until its successor has signed for
 * KEYS_OVERLAP_MS, so that who comes once a year has seen both.
 */
import { parseJson } from "../core/base64url.ts";
import { DAY_MS } from "../core/limits.ts";
import { encodeKeyStatement, type LogKey } from "../core/log-key.ts";
import { assert, err, ok, type Result } from "../core/result.ts";
import {
  formatVerifierKey,
  type NoteSigner,
  parseVerifierKey,
  signNote,
  type VerifierKey,
} from "../core/signed-note.ts";
import { KEYS_KEY, readText, replace } from "./objects.ts";

export type LogKeyList = { readonly v: 1; readonly origin: string; readonly keys: readonly LogKey[] };
export type KeysInForce = {
  /** Sign what is published now. */
  readonly signing: readonly NoteSigner[];
  /** Every key that the log ever had. */
  readonly known: readonly VerifierKey[];
};

const KEYS_OVERLAP_MS = 400 * DAY_MS;

/** Reads a list that this module wrote. */
export function decodeKeyList(text: string): LogKeyList {
  const list = parseJson(text) as LogKeyList | null;
  assert(list?.v === 1 && Array.isArray(list.keys), "a list of keys has version 1");
  return list;
}

/** The keys in force, after those that are new were introduced; a crash leaves them introduced or not. */
export async function keysInForce(
  bucket: R2Bucket,
  {
    origin,
    signers,
    nowMs,
  }: { readonly origin: string; readonly signers: readonly NoteSigner[]; readonly nowMs: number },
): Promise<Result<KeysInForce, "origin_other" | "key_unknown">> {
  const stored = await readText(bucket, KEYS_KEY);
  const list = stored === null ? null : decodeKeyList(stored.text);
  if (list !== null && list.origin !== origin) return err("origin_other");
  const keys = [...(list?.keys ?? [])];
  const isListed = ({ key }: NoteSigner) => keys.some(({ vkey }) => vkey === formatVerifierKey(key));
  if (list !== null && !signers.some(isListed)) return err("key_unknown");
  const added = signers.toReversed().filter((signer) => !isListed(signer));
  for (const signer of added) {
    const since = new Date(nowMs).toISOString();
    const text = encodeKeyStatement(origin, signer.key, since);
    const introducers = signers.filter(isListed);
    const statement = introducers.length === 0 ? null : await signNote(text, [...introducers, signer]);
    keys.push({ vkey: formatVerifierKey(signer.key), since, statement });
  }
  const grown: LogKeyList = { v: 1, origin, keys };
  const isSame = added.length === 0;
  if (!isSame && (await replace(bucket, KEYS_KEY, { was: stored, text: JSON.stringify(grown) })) === null) {
    throw new Error("another sequencer introduced keys at the same time");
  }
  return ok({
    signing: signingOf(keys, signers, nowMs),
    known: keys.flatMap(({ vkey }) => parseVerifierKey(vkey) ?? []),
  });
}

/** The configured keys, without those whose configured successor has signed for long enough; the newest first. */
function signingOf(keys: readonly LogKey[], signers: readonly NoteSigner[], nowMs: number): NoteSigner[] {
  const configured = keys.flatMap(({ vkey, since }) => {
    const signer = signers.find(({ key }) => formatVerifierKey(key) === vkey);
    return signer === undefined ? [] : [{ signer, sinceMs: Date.parse(since) }];
  });
  const isNeeded = (at: number) => nowMs < (configured[at + 1]?.sinceMs ?? Number.POSITIVE_INFINITY) + KEYS_OVERLAP_MS;
  return configured
    .filter((_, at) => isNeeded(at))
    .map(({ signer }) => signer)
    .reverse();
}
