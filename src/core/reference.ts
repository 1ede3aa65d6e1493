/**
 * References: the names that senders give to orders, corrections, batches and clicks, as systems and people pass them
 * on.
 *
 *   "W-1", " W-1", "W-1\n", "W-1\u200b"     are one name: spaces and invisible characters at its ends are not of it
 *   "{lead_id}", "undefined", "(not set)"   are none: a template that nobody filled, which all orders of a sender have
 *   "A[1]-{2}", "order-{7}"                 are names: only a value that is a template as a whole is refused
 *
 * Keeps: case and inner characters stay, but for Unicode's canonical composition (NFC): "é" as one character or as two
 * is one name, since no reader can tell them apart. Linear in the text's length. Pure.
 * Sources: Unicode Default_Ignorable_Code_Point (UAX 44), canonical equivalence (UAX 15).
 */
import { ORDER_ID_LENGTH_MAX } from "./limits.ts";

/** White space, ignorable characters, and the empty Braille cell. */
const INVISIBLE = /^[\s\u0085\p{Default_Ignorable_Code_Point}\u2800]$/u;

/** The text without invisible characters at either end. */
export function trimInvisible(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to) {
    const character = String.fromCodePoint(text.codePointAt(from) ?? 0);
    if (!INVISIBLE.test(character)) break;
    from += character.length;
  }
  while (to > from) {
    const isPair = to - from > 1 && (text.codePointAt(to - 2) ?? 0) > 0xffff;
    const character = text.slice(isPair ? to - 2 : to - 1, to);
    if (!INVISIBLE.test(character)) break;
    to -= character.length;
  }
  return text.slice(from, to);
}

/** The name that a text is, as it is compared and stored. */
export function toReference(text: string): string {
  return trimInvisible(text).normalize("NFC");
}

/** Whether a text can name an order or a correction: printable, not blank, of bounded length. */
export function isReference(value: unknown): value is string {
  return typeof value === "string" && value.length <= ORDER_ID_LENGTH_MAX && REFERENCE.test(value);
}

/** No control character, and something that is not a space. */
const REFERENCE = /^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u;

/** What programs write where they have no value. */
const NO_VALUES: ReadonlySet<string> = new Set([
  ...[
    "",
    "undefined",
    "null",
    "nil",
    "none",
    "nan",
    "void",
    "true",
    "false",
    "n/a",
    "not set",
    "not provided",
    "empty",
  ],
  ...["\\n", "#n/a", "#null!", "#ref!", "#value!", "#name?", "#div/0!", "#num!"],
]);

/**
 * A name as templates have it: words, members, filters; a run of three digits or a GUID makes it an id of somebody's.
 */
const NAME =
  String.raw`(?![^{}\[\]<>]*\d{3})[\p{L}_$@.*!?=/&]` +
  String.raw`(?:[\p{L}\p{M}\d_.,:;|$@?!=*&/'"()\- ]|\[['"]?[\p{L}\d_]+['"]?\])*`;
/** Pairs between which templates stand, the longer ones first. */
const BRACKETS: readonly (readonly [string, string])[] = [
  ...([
    ["{{{", "}}}"],
    ["{{", "}}"],
    ["${", "}"],
    ["#{", "}"],
    ["@{", "}"],
    ["%{", "}"],
    ["{%", "%}"],
  ] as const),
  ...([
    ["[[", "]]"],
    ["[%", "%]"],
    ["$[", "]"],
    ["$(", ")"],
    ["((", "))"],
    ["<%", "%>"],
    ["<<", ">>"],
  ] as const),
  ...([
    ["*|", "|*"],
    ["%%", "%%"],
    ["@@", "@@"],
    ["##", "##"],
    ["$$", "$$"],
    ["__", "__"],
    ["&lt;", "&gt;"],
  ] as const),
  ...([
    ["{", "}"],
    ["[", "]"],
    ["<", ">"],
    ["«", "»"],
    ["%", "%"],
    ["#", "#"],
    ["@", "@"],
    ["$", "$"],
  ] as const),
  ...([
    ["|", "|"],
    ["~", "~"],
    ["!", "!"],
  ] as const),
];
const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
const PLACEHOLDER = [
  ...BRACKETS.map(([open, close]) => `${escaped(open)} *(?:${NAME})?${escaped(close)}`),
  // Numbered places, as `{0}`; a variable that nobody expanded, as `$order_id`; a printf's, as `%s`.
  String.raw`\{{1,2} *\d{1,2} *\}{1,2}`,
  String.raw`[$@:](?!\p{L}*\d{3})\p{L}[\p{L}_]{2,}\d{0,2}`,
  String.raw`%(?:\d\$)?[sdiu]`,
].join("|");
/** Where a value goes on after a placeholder, another one follows, perhaps after a separator. */
const NEXT_PLACEHOLDER = new RegExp(`^[-_.:;/|, ]*(?:${PLACEHOLDER})`, "u");
const FIRST_PLACEHOLDER = new RegExp(`^(?:${PLACEHOLDER})`, "u");

/**
 * Whether a name is a template as a whole, or what programs write where they have no value; also in quotes, in
 * parentheses or percent-encoded. Looks at no more than a name may have, encoded twice.
 */
export function isUnfilledTemplate(text: string): boolean {
  if (text === "" || text.length > ENCODED_LENGTH_MAX) return false;
  const plain = unwrapped(percentDecoded(percentDecoded(text)));
  if (NO_VALUES.has(plain.toLowerCase()) || OBJECT.test(plain)) return true;
  let rest = plain.replace(FIRST_PLACEHOLDER, "");
  if (rest === plain) return false;
  while (rest !== "") {
    const shorter = rest.replace(NEXT_PLACEHOLDER, "");
    if (shorter === rest) return false;
    rest = shorter;
  }
  return true;
}

const ENCODED_LENGTH_MAX = 5 * ORDER_ID_LENGTH_MAX;
/** As JavaScript spells an object as text. */
const OBJECT = /^\[object \p{L}+\]$/u;
const WRAPPED = /^(?:"(.*)"|'(.*)'|`(.*)`|\((.*)\)|<(?!.*>.*>)(.*)>|\[(.*)\])$/su;

/** Without quotes, parentheses or brackets around a word that is no value: `"null"`, `(not set)`, `<null>`. */
function unwrapped(text: string): string {
  const inner = WRAPPED.exec(text)
    ?.slice(1)
    .find((group) => group !== undefined);
  if (inner === undefined) return text;
  const isQuoted = /^["'`]/.test(text);
  return isQuoted || NO_VALUES.has(inner.trim().toLowerCase()) ? inner.trim() : text;
}

function percentDecoded(text: string): string {
  if (!/%[0-9a-f]{2}/i.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch (fault) {
    // A percent sign of the name's own.
    if (fault instanceof URIError) return text;
    throw fault;
  }
}
