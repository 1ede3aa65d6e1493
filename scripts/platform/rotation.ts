/**
 * The runbooks of docs/OPERATIONS.md by which secrets are rotated, as pure steps: what a rotation has come to and what is
 * seen of the deployment → what is done next, what it waits for, or what a person has to do first.
 *
 *   token-keys     added → switched → (ad servers switched) → token life → letters of the old key → retired → removed
 *   session-keys   added → life of a session → removed
 *   evidence-log   added → introduced by the old key → 400 days → removed
 *   admin-key      replaced
 *
 * Keeps: a new secret is kept before it is sent, and sent before it is waited for, so that a command that broke sends the
 * same again. With `isLeaked` nothing is waited for but the new key itself.
 */
import { randomBytes } from "node:crypto";
import { makeOperatorKey } from "../../src/access/api-keys.ts";
import { parseJson } from "../../src/core/base64url.ts";
import { assert } from "../../src/core/result.ts";
import { kidAt, randomKey, type Secrets } from "./keep.ts";

export const ROTATIONS = ["token-keys", "session-keys", "evidence-log", "admin-key"] as const;
export type RotationName = (typeof ROTATIONS)[number];

export type Stage = "added" | "switched" | "confirmed" | "retired" | "removed";
export type Rotation = {
  readonly what: RotationName;
  readonly startedAtMs: number;
  readonly isLeaked: boolean;
  /** Of token keys: their kids. */
  readonly oldKid: string;
  readonly newKid: string;
  /** What was reached, and when; the last is where it stands. */
  readonly reached: readonly { readonly stage: Stage; readonly atMs: number }[];
};

/** What a step needs to know of the deployment. */
export type SeenOfKeys = {
  readonly tokenTtlMaxS: number;
  /** Whether a person says that ad servers with keys of their own have switched. */
  readonly haveAdServersSwitched: boolean;
  /** Dead letters that the old key sealed. */
  readonly oldLetters: () => Promise<number>;
  /** Whether the evidence log has its newest key. */
  readonly isIntroduced: () => Promise<boolean>;
};

export type Next =
  | { readonly act: "send"; readonly secrets: Secrets; readonly stage: Stage; readonly says: string }
  | { readonly act: "reach"; readonly stage: Stage; readonly says: string }
  | { readonly act: "wait"; readonly untilMs: number; readonly says: string }
  | { readonly act: "ask"; readonly says: string }
  | { readonly act: "done"; readonly says: string };

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Until every isolate has a secret that was sent. */
const SPREAD_MS = 5 * 60_000;
const SESSION_MS = 12 * 3_600_000;
/** Signatures of an old key of the log, and corrections of orders that its clicks led to. */
const AFTERLIFE_MS = 400 * DAY_MS;

export function startRotation(
  what: RotationName,
  secrets: Secrets,
  about: { nowMs: number; isLeaked: boolean },
): Rotation {
  return {
    ...{ what, startedAtMs: about.nowMs, isLeaked: about.isLeaked, reached: [] },
    ...{ oldKid: secrets.TOKEN_SIGNING_KID ?? "", newKid: kidAt(about.nowMs) },
  };
}

/** What is done next; `secrets` are those that are kept. */
export async function nextOf(rotation: Rotation, secrets: Secrets, seen: SeenOfKeys, nowMs: number): Promise<Next> {
  switch (rotation.what) {
    case "token-keys":
      return nextOfTokenKeys(rotation, secrets, seen, nowMs);
    case "session-keys":
      return nextOfSessionKeys(rotation, secrets, nowMs);
    case "evidence-log":
      return nextOfEvidenceLog(rotation, secrets, seen, nowMs);
    case "admin-key":
      if (stageOf(rotation) === "added") return done("the operator's key is another");
      return send({ ADMIN_API_KEY: makeOperatorKey(randomBytes(32)) }, "added", "send another key of the operator");
  }
}

const stageOf = ({ reached }: Rotation): Stage | null => reached.at(-1)?.stage ?? null;
const sinceOf = ({ reached }: Rotation): number => reached.at(-1)?.atMs ?? 0;
const done = (says: string): Next => ({ act: "done", says });
const ask = (says: string): Next => ({ act: "ask", says });
const send = (secrets: Secrets, stage: Stage, says: string): Next => ({ act: "send", secrets, stage, says });

/** Waits, unless the time is over or the key has leaked. */
function waitOr(rotation: Rotation, forMs: number, about: { nowMs: number; says: string }, next: Next): Next {
  const untilMs = sinceOf(rotation) + forMs;
  if (about.nowMs >= untilMs || (rotation.isLeaked && forMs > SPREAD_MS)) return next;
  return { act: "wait", untilMs, says: about.says };
}

type KeyRing = Readonly<Record<string, string | Readonly<Record<string, unknown>>>>;

async function nextOfTokenKeys(rotation: Rotation, secrets: Secrets, seen: SeenOfKeys, nowMs: number): Promise<Next> {
  const { oldKid, newKid, isLeaked } = rotation;
  const ring = parseJson(secrets.TOKEN_KEYS ?? "") as KeyRing | null;
  assert(ring !== null && typeof ring === "object", "kept token keys are JSON");
  const sendRing = (changed: KeyRing, stage: Stage, says: string) =>
    send({ TOKEN_KEYS: JSON.stringify(changed) }, stage, says);
  const { [oldKid]: old, ...others } = ring;
  switch (stageOf(rotation)) {
    case null:
      return sendRing({ ...ring, [newKid]: ring[newKid] ?? randomKey() }, "added", `add ${newKid} to TOKEN_KEYS`);
    case "added":
      return waitOr(
        ...([rotation, SPREAD_MS, { nowMs, says: `${newKid} spreads` }] as const),
        send({ TOKEN_SIGNING_KID: newKid }, "switched", `sign with ${newKid}`),
      );
    case "switched":
      if (isLeaked) return sendRing(others, "removed", `remove ${oldKid}, whose links get 403 from now on`);
      if (!seen.haveAdServersSwitched) {
        return ask(`ad servers that sign with ${oldKid} switch to ${newKid}; then say --ad-servers-switched`);
      }
      return { act: "reach", stage: "confirmed", says: `no more tokens are signed with ${oldKid}` };
    case "confirmed": {
      const lifeMs = seen.tokenTtlMaxS * SECOND_MS;
      const about = { nowMs, says: `the last tokens of ${oldKid} expire` };
      const letters = nowMs >= sinceOf(rotation) + lifeMs ? await seen.oldLetters() : 0;
      if (letters > 0) {
        return ask(
          `${letters} dead letters are sealed with ${oldKid}: npm run ops -- dead replay, or delete their objects`,
        );
      }
      const spec = typeof old === "string" ? { key: old } : old;
      return waitOr(
        rotation,
        lifeMs,
        about,
        sendRing({ ...others, [oldKid]: { ...spec, retired: true } }, "retired", `retire ${oldKid}`),
      );
    }
    case "retired": {
      const about = { nowMs, says: `conversions of clicks of ${oldKid} are expected` };
      return waitOr(rotation, AFTERLIFE_MS, about, sendRing(others, "removed", `remove ${oldKid}`));
    }
    case "removed":
      return done(`${oldKid} is gone, and ${newKid} signs`);
  }
}

function nextOfSessionKeys(rotation: Rotation, secrets: Secrets, nowMs: number): Next {
  const keys = (secrets.SESSION_KEYS ?? "").split(",").map((key) => key.trim());
  if (stageOf(rotation) === null) {
    return send({ SESSION_KEYS: [randomKey(), ...keys].join(",") }, "added", "put a new key in front of SESSION_KEYS");
  }
  if (stageOf(rotation) === "removed") return done("sessions are signed with the new key alone");
  const about = { nowMs, says: "sessions of the old key end" };
  return waitOr(rotation, SESSION_MS, about, send({ SESSION_KEYS: keys[0] ?? "" }, "removed", "take the old key out"));
}

type LogKey = { readonly name: string; readonly seed: string };

async function nextOfEvidenceLog(rotation: Rotation, secrets: Secrets, seen: SeenOfKeys, nowMs: number): Promise<Next> {
  const keys = parseJson(secrets.EVIDENCE_LOG_KEYS ?? "") as readonly LogKey[] | null;
  const [newest] = keys ?? [];
  if (keys === null || newest === undefined) return ask("EVIDENCE_LOG_KEYS has no key, so there is none to rotate");
  const sendKeys = (list: readonly LogKey[], stage: Stage, says: string) =>
    send({ EVIDENCE_LOG_KEYS: JSON.stringify(list) }, stage, says);
  switch (stageOf(rotation)) {
    case null:
      return sendKeys([{ name: newest.name, seed: randomKey() }, ...keys], "added", "put a new key before the old one");
    case "added": {
      const next: Next = (await seen.isIntroduced())
        ? { act: "reach", stage: "confirmed", says: "the old key has introduced the new one" }
        : ask("the log has not introduced the new key: look at GET /v1/admin/evidence-log");
      return waitOr(rotation, SPREAD_MS, { nowMs, says: "the new key spreads" }, next);
    }
    case "removed":
      return done("the new key signs alone");
    default: {
      const about = { nowMs, says: "who comes once a year sees both keys" };
      return waitOr(rotation, AFTERLIFE_MS, about, sendKeys([newest], "removed", "take the old key out"));
    }
  }
}
