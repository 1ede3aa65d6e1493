/**
 * Whose rows a reader may see: one advertiser's, one publisher's traffic, or all. And statements over tenants' rows,
 * which cannot be prepared without it.
 *
 *   ReadScope.of(principal)          the only way to one: a literal of its fields is none, for the compiler
 *   scope.sees(row)                  whether a row is among those, where rows do not come from SQL
 *   new TenantSql({…}).in(database, scope, …)      the statement for this scope, with its owner bound as ?1
 *
 * Keeps: the text of such a statement is nowhere to be had without a scope; test/tidy.test.ts finds the names of
 * tenants' tables outside of it. A statement of a tenant that does not name its owner is not made at all.
 */
import { assert } from "../core/result.ts";
import type { Principal } from "./api-keys.ts";

export class ReadScope {
  /** Null for all. */
  readonly advertiserId: string | null;
  readonly publisherId: string | null;

  private constructor(advertiserId: string | null, publisherId: string | null) {
    this.advertiserId = advertiserId;
    this.publisherId = publisherId;
  }

  /** The rows that a key is bound to, whatever its scopes are. */
  static of({ advertiserId, publisherId }: Principal): ReadScope {
    return new ReadScope(advertiserId, publisherId);
  }

  /** The part of it that is one advertiser's. */
  within(advertiserId: string): ReadScope {
    assert(this.#isOrAll(this.advertiserId, advertiserId), "a scope is narrowed to a part of itself");
    return new ReadScope(advertiserId, this.publisherId);
  }

  /** Whether a row of these owners may be seen; null is nobody, or several. */
  sees(row: { readonly advertiserId: string | null; readonly publisherId: string | null }): boolean {
    return this.#isOrAll(this.advertiserId, row.advertiserId) && this.#isOrAll(this.publisherId, row.publisherId);
  }

  // Private, so that nothing which only looks like a scope is one.
  #isOrAll(own: string | null, other: string | null): boolean {
    return own === null || own === other;
  }
}

/** A statement for each kind of reader. `?1` is the owner, NULL where that is nobody; others begin with `?2`. */
type Texts = {
  readonly advertiser?: string;
  readonly publisher?: string;
  readonly all?: string;
  /** For a publisher and for all alike: of what a publisher may learn of any advertiser. */
  readonly several?: string;
  /** For each reader alike: of what is no secret of anybody. */
  readonly everybody?: string;
};

export class TenantSql {
  readonly #advertiser: string | undefined;
  readonly #publisher: string | undefined;
  readonly #all: string | undefined;

  /** One text is for an advertiser, and for all where it takes NULL for its owner. */
  constructor(texts: Texts | string) {
    const { everybody, ...own } = typeof texts === "string" ? { advertiser: texts, all: texts } : texts;
    for (const text of [own.advertiser, own.publisher]) {
      assert(text === undefined || text.includes("?1"), "a tenant's statement names its owner");
    }
    this.#advertiser = own.advertiser ?? everybody;
    this.#publisher = own.publisher ?? own.several ?? everybody;
    this.#all = own.all ?? own.several ?? everybody;
  }

  /** The statement for the scope's reader. Whoever has none may not get here: that is a bug. */
  in(database: D1Database, { advertiserId, publisherId }: ReadScope, ...bound: unknown[]): D1PreparedStatement {
    assert(advertiserId === null || publisherId === null, "a key has one owner at most");
    const text = advertiserId !== null ? this.#advertiser : publisherId !== null ? this.#publisher : this.#all;
    assert(text !== undefined, "this reader has a statement");
    const statement = database.prepare(text);
    return text.includes("?") ? statement.bind(advertiserId ?? publisherId, ...bound) : statement;
  }
}
