/**
 * Notes: text signed by one or more Ed25519 keys, as C2SP signed-note has them, and the keys that verify them.
 *
 *   <text, ending in a newline>
 *                                                         an empty line
 *   — <key name> base64(4 bytes of key id ‖ signature)    one line a signature
 *
 *   vkey = <key name>+<key id in hex>+base64(0x01 ‖ public key)      id = SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4]
 *
 * Keeps: a text is handed out only with the keys that signed it. Signatures of unknown keys are passed over; one of a
 * known key that does not verify refuses the note, whatever else signed it.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { decodeBase64url, encodeUtf8 } from "./base64url.ts";
import { assert, err, ok, type Result } from "./result.ts";

export type VerifierKey = {
  readonly name: string;
  /** 32 bits. */
  readonly id: number;
  readonly publicKey: Uint8Array<ArrayBuffer>;
};

export type NoteSigner = {
  readonly key: VerifierKey;
  readonly sign: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
};

/** Why a note is not believed. */
export type NoteRefusal = "note_malformed" | "signature_wrong" | "key_unknown";

export type OpenedNote = { readonly text: string; readonly signedBy: readonly VerifierKey[] };

const ED25519 = 1;
const KEY_BYTES = 32;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
/** More than 16, which a verifier must take, and what the Go checksum database's does. */
const SIGNATURES_MAX = 100;
/** RFC 8410: a private key of this algorithm in PKCS #8 is its seed behind these bytes. */
const PKCS8_PREFIX = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/** Control characters other than newline. */
const isControl = (character: string) => character < " " && character !== "\n";
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/u;
const VKEY = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u;

/** Whether a key may be called so: not empty, without spaces and plus signs. */
export function isKeyName(name: string): boolean {
  return /^[^\s+]+$/u.test(name) && !Array.from(name).some(isControl);
}

export function verifierKey(name: string, publicKey: Uint8Array<ArrayBuffer>): VerifierKey {
  const hash = sha256(Uint8Array.of(...encodeUtf8(`${name}\n`), ED25519, ...publicKey));
  return { name, id: new DataView(hash.buffer, hash.byteOffset).getUint32(0), publicKey };
}

export function formatVerifierKey({ name, id, publicKey }: VerifierKey): string {
  return `${name}+${id.toString(16).padStart(8, "0")}+${encodeBase64(Uint8Array.of(ED25519, ...publicKey))}`;
}

/** The key, or null where the text is none of this algorithm, or its id is not its own. */
export function parseVerifierKey(text: string): VerifierKey | null {
  const [, name = "", id = "", material = ""] = VKEY.exec(text) ?? [];
  const bytes = decodeBase64(material);
  if (!isKeyName(name) || bytes === null || bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519) return null;
  const key = verifierKey(name, bytes.slice(1));
  return key.id === Number.parseInt(id, 16) ? key : null;
}

/** The signer of a seed of 32 bytes (RFC 8032 §5.1.5). */
export async function noteSigner(name: string, seed: Uint8Array): Promise<NoteSigner> {
  assert(isKeyName(name) && seed.length === KEY_BYTES, "a signer has a name and a seed of 32 bytes");
  const algorithm = { name: "Ed25519" } as const;
  const pkcs8 = Uint8Array.of(...PKCS8_PREFIX, ...seed);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]);
  const { x = "" } = (await crypto.subtle.exportKey("jwk", key)) as { readonly x?: string };
  const publicKey = decodeBase64url(x);
  assert(publicKey?.length === KEY_BYTES, "a private key has its public key");
  return {
    key: verifierKey(name, publicKey),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, message)),
  };
}

/** The note of a text, which ends in a newline, signed by each. */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  assert(text.endsWith("\n") && !Array.from(text).some(isControl), "a note's text ends in a newline");
  const message = encodeUtf8(text);
  const lines = signers.map(async ({ key, sign }) => {
    const id = new Uint8Array(ID_BYTES);
    new DataView(id.buffer).setUint32(0, key.id);
    return `— ${key.name} ${encodeBase64(Uint8Array.of(...id, ...(await sign(message))))}\n`;
  });
  return `${text}\n${(await Promise.all(lines)).join("")}`;
}

/** The text and which of `keys` signed it. */
export async function openNote(note: string, keys: readonly VerifierKey[]): Promise<Result<OpenedNote, NoteRefusal>> {
  const parsed = parseNote(note);
  if (parsed === null) return err("note_malformed");
  const message = encodeUtf8(parsed.text);
  const signedBy = new Set<VerifierKey>();
  for (const { name, id, signature } of parsed.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (key === undefined) continue;
    if (!(await isSignedBy(key, { signature, message }))) return err("signature_wrong");
    signedBy.add(key);
  }
  return signedBy.size === 0 ? err("key_unknown") : ok({ text: parsed.text, signedBy: Array.from(signedBy) });
}

type ParsedNote = {
  readonly text: string;
  readonly signatures: readonly { name: string; id: number; signature: Uint8Array<ArrayBuffer> }[];
};

function parseNote(note: string): ParsedNote | null {
  const blank = note.lastIndexOf("\n\n");
  if (blank === -1 || !note.endsWith("\n") || Array.from(note).some(isControl)) return null;
  const lines = note.slice(blank + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) return null;
  const signatures = lines.flatMap((line) => {
    const [, name = "", text = ""] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = decodeBase64(text);
    if (name === "" || bytes === null || bytes.length <= ID_BYTES) return [];
    return [{ name, id: new DataView(bytes.buffer).getUint32(0), signature: bytes.slice(ID_BYTES) }];
  });
  return signatures.length === lines.length ? { text: note.slice(0, blank + 1), signatures } : null;
}

async function isSignedBy(
  { publicKey }: VerifierKey,
  { signature, message }: { signature: Uint8Array<ArrayBuffer>; message: Uint8Array<ArrayBuffer> },
): Promise<boolean> {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, signature, message);
}
