/**
 * Reading the settings of a deployment: texts and bindings by name, each checked, all faults gathered.
 *
 *   const settings = new Settings(env);
 *   const hold = settings.integer("COALESCE_HOLD_MS", 0, 1_000);     a placeholder where it is wrong
 *   if (settings.faults.length > 0) …
 *
 * Keeps: a fault names its setting and what it must be, and never repeats a value, which may be a secret. A number is
 * digits and nothing else: `1e3`, ` 5`, `+5`, `0x10` and `007` are slips, and so is a name that stands twice in a list.
 */
export type SettingFault = { readonly name: string; readonly why: string };

const NUMBER = /^(0|-?[1-9]\d*)$/;

export class Settings {
  readonly faults: SettingFault[] = [];
  readonly #given: Readonly<Record<string, unknown>>;

  constructor(given: object) {
    this.#given = given as Readonly<Record<string, unknown>>;
  }

  /** Notes a fault of the setting. */
  refuse(name: string, why: string): void {
    this.faults.push({ name, why });
  }

  /** A text that is there and not empty. */
  word(name: string): string {
    const value = this.#given[name];
    if (typeof value === "string" && value !== "") return value;
    this.refuse(name, "is missing or empty");
    return "";
  }

  /** A text of a form. */
  formed(name: string, form: RegExp, why: string): string {
    const value = this.word(name);
    if (value !== "" && !form.test(value)) this.refuse(name, why);
    return value;
  }

  integer(name: string, min: number, max: number): number {
    const text = this.word(name);
    const value = Number(text);
    if (text === "") return min;
    if (NUMBER.test(text) && value >= min && value <= max) return value;
    this.refuse(name, `must be an integer from ${min} to ${max}, in digits alone`);
    return min;
  }

  oneOf<T extends string>(name: string, options: readonly [T, ...T[]]): T {
    const text = this.word(name);
    const option = options.find((candidate) => candidate === text);
    if (option === undefined && text !== "") this.refuse(name, `must be one of ${options.join(", ")}`);
    return option ?? options[0];
  }

  /** One of the options, or null where the text is empty. */
  oneOfOrNone<T extends string>(name: string, options: readonly T[]): T | null {
    const text = this.#given[name];
    const option = options.find((candidate) => candidate === text);
    if (option === undefined && text !== "") this.refuse(name, `must be ${options.join(" or ")}, or empty`);
    return option ?? null;
  }

  /** The parts of a list, comma separated, each once; no part of it is empty, though the whole may be. */
  list(name: string): string[] {
    const text = this.#given[name];
    if (typeof text !== "string") this.refuse(name, "is missing");
    if (typeof text !== "string" || text.trim() === "") return [];
    const parts = text.split(",").map((part) => part.trim());
    if (parts.includes("")) this.refuse(name, "must hold no empty part between its commas");
    if (new Set(parts).size < parts.length) this.refuse(name, "must name nothing twice");
    return parts;
  }

  /** Those of the options that a list names; there is at least one. */
  some<T extends string>(name: string, options: readonly T[]): T[] {
    const parts = this.list(name);
    if (parts.length === 0 && typeof this.#given[name] === "string") this.refuse(name, "must not be empty");
    if (parts.some((part) => part !== "" && !options.includes(part as T))) {
      this.refuse(name, `must name nothing but ${options.join(", ")}`);
    }
    return parts as T[];
  }

  /** Whether a binding of that name can do what is asked of it. */
  isBound(name: string, method: string): boolean {
    const binding = this.#given[name] as Readonly<Record<string, unknown>> | null | undefined;
    return typeof binding === "object" && binding !== null && typeof binding[method] === "function";
  }

  /** Notes a binding that is not there, or is another kind of thing. */
  bound(name: string, method: string, kind: string): void {
    if (!this.isBound(name, method)) this.refuse(name, `must be bound to ${kind}`);
  }

  /** The names of what is given, bindings too. */
  names(): string[] {
    return Object.keys(this.#given);
  }
}
