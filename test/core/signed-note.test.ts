/** Signed notes and verifier keys, against those of C2SP and of Go's checksum database. */
import { describe, expect, it } from "vitest";
import {
  formatVerifierKey,
  isKeyName,
  noteSigner,
  openNote,
  parseVerifierKey,
  signNote,
  type VerifierKey,
} from "../../src/core/signed-note.ts";

const keyOf = (vkey: string) => parseVerifierKey(vkey) as VerifierKey;
const EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE =
  "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED = Buffer.from("gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=", "base64");
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const peter = keyOf(PETER_KEY);

describe("a note", () => {
  it("of the specification opens with its key", async () => {
    const key = keyOf(EXAMPLE_KEY);
    expect(await openNote(EXAMPLE, [key])).toEqual({
      ok: true,
      value: { text: "This is an example message.\n", signedBy: [key] },
    });
  });

  it("is signed as Go signs it, by one key and by two", async () => {
    const signer = await noteSigner("PeterNeumann", PETER_SEED);
    expect(formatVerifierKey(signer.key)).toBe(PETER_KEY);
    expect(await signNote(TEXT, [signer])).toBe(`${TEXT}\n${PETER}`);
    // A key that was made of zeroes.
    const enoch = await noteSigner("EnochRoot", new Uint8Array(32));
    expect(await signNote(TEXT, [signer, enoch])).toBe(`${TEXT}\n${PETER}${ENOCH}`);
    const opened = await openNote(`${TEXT}\n${PETER}${ENOCH}`, [enoch.key, peter]);
    expect(opened.ok && opened.value.signedBy).toEqual([peter, enoch.key]);
  });

  it("opens with one known key beside signatures of unknown ones, also of other algorithms", async () => {
    const other = `— witness.example ${Buffer.from("a signature of another length").toString("base64")}\n`;
    for (const note of [`${TEXT}\n${PETER}${ENOCH}${other}`, `${TEXT}\n${other}${ENOCH}${PETER}`]) {
      expect(await openNote(note, [peter])).toEqual({ ok: true, value: { text: TEXT, signedBy: [peter] } });
    }
    // The same name with another id, and the same id with another name, are other keys.
    const misnamed = PETER.replace("PeterNeumann", "CarmenSandiego");
    expect(await openNote(`${TEXT}\n${misnamed}${ENOCH}`, [peter])).toEqual({ ok: false, error: "key_unknown" });
  });

  it("whose text has empty lines ends with the last of them", async () => {
    const signer = await noteSigner("example.com/log", PETER_SEED);
    for (const text of ["a\n\nb\n", "\n", "\n\n", "a\n\n"]) {
      const opened = await openNote(await signNote(text, [signer]), [signer.key]);
      expect(opened.ok && opened.value.text).toBe(text);
    }
  });

  it("with a wrong signature of a known key is refused, whoever else signed it", async () => {
    const enoch = (await noteSigner("EnochRoot", new Uint8Array(32))).key;
    const forged = PETER.replace("x08go/Z", "x08go/a");
    for (const note of [`${TEXT}\n${forged}`, `${TEXT}\n${ENOCH}${forged}`, `another\n\n${PETER}`]) {
      expect(await openNote(note, [peter, enoch])).toEqual({ ok: false, error: "signature_wrong" });
    }
    const short = `— PeterNeumann ${Buffer.from("c74f20a3ff", "hex").toString("base64")}\n`;
    expect(await openNote(`${TEXT}\n${short}`, [peter])).toEqual({ ok: false, error: "signature_wrong" });
  });

  it.each([
    ["without a signature", `${TEXT}\n`],
    ["without an empty line", `${TEXT}${PETER}`],
    ["that does not end its last line", `${TEXT}\n${PETER.trimEnd()}`],
    ["with text behind its signatures", `${TEXT}\n${PETER}more\n`],
    ["with a signature that is no base64", `${TEXT}\n— PeterNeumann x08g_w==\n`],
    ["with a signature of no bytes", `${TEXT}\n— PeterNeumann x08gow==\n`],
    ["with a hyphen for a dash", `${TEXT}\n${PETER.replace("—", "-")}`],
    ["with two spaces", `${TEXT}\n${PETER.replace(" P", "  P")}`],
    ["with a key's name of two words", `${TEXT}\n${PETER.replace("rN", "r N")}`],
    ["with a plus sign in a name", `${TEXT}\n${PETER.replace("rN", "r+N")}`],
    ["with carriage returns", `${TEXT}\n${PETER}`.replaceAll("\n", "\r\n")],
    ["with a tabulator", `a\tb\n\n${PETER}`],
    ["with more signatures than are read", `${TEXT}\n${PETER.repeat(101)}`],
    ["without anything", ""],
  ])("%s is none", async (_, note) => {
    expect(await openNote(note, [peter])).toEqual({ ok: false, error: "note_malformed" });
  });
});

describe("a verifier key", () => {
  it("is read back as it was written", () => {
    for (const vkey of [
      EXAMPLE_KEY,
      PETER_KEY,
      "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ]) {
      expect(formatVerifierKey(keyOf(vkey))).toBe(vkey);
    }
  });

  it.each([
    ["another id", PETER_KEY.replace("c74f", "c74e")],
    ["another name", PETER_KEY.replace("Peter", "Paul")],
    ["an id in capitals", PETER_KEY.replace("c74f", "C74F")],
    ["more bytes, under their own id", "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="],
    ["an unknown algorithm", "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"],
    ["no name", PETER_KEY.slice("PeterNeumann".length)],
    ["a space", ` ${PETER_KEY}`],
    ["a newline", `${PETER_KEY}\n`],
    ["nothing", ""],
  ])("with %s is none", (_, text) => {
    expect(parseVerifierKey(text)).toBeNull();
  });

  it.each(["", "a b", "a\u00a0b", "a\u2003b", "a+b", "a\u0001b"])("may not be called %j", (name) => {
    expect(isKeyName(name)).toBe(false);
  });

  it.each(["log", "ads.example/evidence", "größe", "127.0.0.1:8787/evidence"])("may be called %j", (name) => {
    expect(isKeyName(name)).toBe(true);
  });
});
