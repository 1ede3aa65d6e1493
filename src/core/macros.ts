/**
 * The macros of a landing URL: which there are, in which spellings they are filled, and which spelling is a mistake.
 *
 *   {click_id}                              the spelling
 *   %7Bclick_id%7D  %257Bclick_id%257D …    the same in a URL inside the URL, escaped as often as its braces
 *   {{x}} {{{x}}} ${x} %%x%% <x> [x]        of other systems, filled whole, braces and all; `[x]` only as a whole value
 *   #x# %x% @x@ __x__ {X} {clickid} …       never filled; `misspeltMacro` tells them, and minting refuses them
 *
 * Keeps: braces are filled in pairs: `{{x}` stays as it is, and no value ever stands between braces that were meant for
 * its name. A value is escaped once, or as often as its macro is, so decoding what held the macro gives the value.
 * Every pattern is linear in the URL.
 */

/** Macro name → value, all of them known when the click arrives. */
export type MacroValues = {
  readonly click_id: string;
  readonly impression_id: string;
  readonly ad_id: string;
  readonly campaign_id: string;
  readonly publisher_id: string;
  /** Milliseconds since 1970. */
  readonly ts: string;
};

export type MacroName = keyof MacroValues;
export type Macro = { readonly name: MacroName; readonly text: string };

/** A character, or its escape; a URL inside a URL inside a URL escapes it once more each. */
const escapeOf = (hex: string) => `%(?:25){0,3}${hex}`;
const either = (raw: string, hex: string) => `(?:${raw}|${escapeOf(hex)})`;

const NAME = `(?:(?:click|impression|ad|campaign|publisher)${either("_", "5[fF]")}id|ts)`;
const GAP = `(?:\\+|${escapeOf("20")}){0,2}`;
const OPEN = either("\\{", "7[bB]");
const CLOSE = either("\\}", "7[dD]");
const DOLLAR = either("\\$", "24");
const PERCENT = "%(?:25){0,4}";
const BRACES = [1, 2, 3].map((n) => `${OPEN}{${n}}${GAP}${NAME}${GAP}${CLOSE}{${n}}`).join("|");
const PERCENTS = `(?<!${PERCENT})${PERCENT}${PERCENT}${NAME}${PERCENT}${PERCENT}`;
const ANGLES = `${either("<", "3[cC]")}${GAP}${NAME}${GAP}${either(">", "3[eE]")}`;
/** `filter[ad_id]=1` is the name of a parameter, not a value. */
const BEFORE_VALUE = `(?<=${either("[=/,;:|]", "(?:3[dDaAbB]|2[fFcC]|7[cC])")})`;
const AFTER_VALUE = `(?=[&#/,;:|]|${escapeOf("(?:2[63fFcC]|3[aAbB]|7[cC])")}|$)`;
const inBrackets = (name: string) =>
  [1, 2]
    .map((n) => `${BEFORE_VALUE}${either("\\[", "5[bB]")}{${n}}${name}${either("\\]", "5[dD]")}{${n}}${AFTER_VALUE}`)
    .join("|");
const PATTERN =
  `(?:(?<!${OPEN})${DOLLAR}|(?<!${OPEN}|${DOLLAR}))(?:${BRACES})` + `|${PERCENTS}|${ANGLES}|${inBrackets(NAME)}`;

const MACRO = new RegExp(PATTERN, "g");
/** After a percent sign that lost a digit, `%2{ad_id}` with the id `e` would become a dot segment. */
const AFTER_PERCENT = new RegExp(`%[\\da-fA-F]?(?:${PATTERN})`);
const ITS_NAME = /(click|impression|ad|campaign|publisher)(?=_|%)|ts/;
const ITS_ESCAPE = /%((?:25)*)(7[bB]|5[bB]|3[cC])?/;
/** Whether a text may hold a macro at all: what each holds, which most landing URLs do not. */
const MAY_HOLD = /[_fF]id|ts/;
/** What only spellings of others and escapes hold; without it the spelling is `{name}`. */
const FOREIGN = /[%[<$]|\{[{+]/;
const PLAIN = /\{(click_id|impression_id|ad_id|campaign_id|publisher_id|ts)\}/g;
const LOST_DIGIT = /%[\da-fA-F]?\{/;

/** Names as others write them, in what others enclose them with. */
const LOOSE_NAME = `(?:(?:click|impression|ad|campaign|publisher)(?:${either("_", "5f")}|-)?id|ts)`;
const ENCLOSED: readonly [string, string][] = [
  [OPEN, CLOSE],
  [either("<", "3c"), either(">", "3e")],
  ["%", "%(?![\\da-f]{2})"],
  [escapeOf("25"), escapeOf("25")],
  ...(["24", "23", "40", "21", "7c", "2a", "5e", "7e"].map((hex): [string, string] => {
    const raw = `\\x${hex}`;
    return [either(raw, hex), either(raw, hex)];
  }) satisfies [string, string][]),
  ["__", "__"],
];
const MISSPELT = new RegExp(
  [...ENCLOSED.map(([open, close]) => `${open}${GAP}${LOOSE_NAME}${GAP}${close}`), inBrackets(LOOSE_NAME)].join("|"),
  "i",
);

export type Filled = { readonly text: string; readonly hasClickId: boolean };

/** `text` with every macro replaced by its value, and whether the click id was among them. */
export function fillMacros(text: string, values: MacroValues): Filled {
  let hasClickId = false;
  if (!MAY_HOLD.test(text)) return { text, hasClickId };
  const fill = (name: MacroName, depth: number): string => {
    if (name === "click_id") hasClickId = true;
    let value = encodeURIComponent(values[name]);
    for (let times = depth; times > 1; times--) value = encodeURIComponent(value);
    return value;
  };
  const filled = FOREIGN.test(text)
    ? text.replace(MACRO, (macro) => fill(nameOf(macro), depthOf(macro)))
    : text.replace(PLAIN, (_, name: MacroName) => fill(name, 0));
  return { text: filled, hasClickId };
}

/** The macros of a text, in their order. */
export function macrosOf(text: string): Macro[] {
  if (!MAY_HOLD.test(text)) return [];
  return Array.from(text.matchAll(MACRO), ([found]) => ({ name: nameOf(found), text: found }));
}

/** No fewer macros than the text holds; found in a few steps, since the redirect asks for every landing URL. */
export function macrosAtMost(text: string): number {
  let count = 0;
  for (const part of ["id", "ts"]) {
    for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + 2)) count++;
  }
  return count;
}

/** Whether a macro, or an opening brace, stands where a percent escape has lost a digit. */
export function isMacroInEscape(text: string): boolean {
  if (!text.includes("%")) return false;
  return LOST_DIGIT.test(text) || (MAY_HOLD.test(text) && AFTER_PERCENT.test(text));
}

/**
 * A text that was meant for a macro and will not be filled, with the name that it probably means; null when there is
 * none.
 */
export function misspeltMacro(text: string): Macro | null {
  const found = MISSPELT.exec(text.replace(MACRO, " "))?.[0];
  if (found === undefined) return null;
  const word = /click|impression|campaign|publisher|ad|ts/i.exec(found)?.[0].toLowerCase() ?? "ts";
  return { name: (word === "ts" ? "ts" : `${word}_id`) as MacroName, text: found };
}

function nameOf(macro: string): MacroName {
  const word = ITS_NAME.exec(macro)?.[1];
  return (word === undefined ? "ts" : `${word}_id`) as MacroName;
}

/** How often the macro's braces are escaped; `%25%25x%25%25` stands for `%%x%%` escaped once. */
function depthOf(macro: string): number {
  const escaped = ITS_ESCAPE.exec(macro);
  if (escaped === null) return 0;
  const [, more = "", brace] = escaped;
  return more.length / 2 + (brace === undefined ? 0 : 1);
}
