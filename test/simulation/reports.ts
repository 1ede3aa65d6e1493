/**
 * The report databases of one simulated system: one to three of them, and the directory that assignments advertisers.
 *
 * Keeps: like src/facts/directory.ts, the first sight decides for ever, and another isolate may choose otherwise. To
 * whoever reads it is one database.
 */
import { type Facts, mergeFacts } from "../../src/core/facts.ts";
import type { LateClicks } from "../../src/core/late-click.ts";
import type { Chance } from "./chance.ts";
import type { ReadableFacts } from "./parts.ts";

/** Of four systems, three have one database. */
const ONE_DATABASE = 0.75;

export class ReportDatabases {
  readonly stores: ReadonlyMap<string, ReadableFacts>;
  readonly #chance: Chance;
  readonly #assignments = new Map<string, string>();

  constructor(makeFacts: () => ReadableFacts, chance: Chance) {
    const count = chance.is(ONE_DATABASE) ? 1 : chance.between(2, 3);
    this.stores = new Map(Array.from({ length: count }, (_, at) => [`db-${at}`, makeFacts()]));
    this.#chance = chance;
  }

  /** Pins who is not yet, wherever the caller's isolate would have it. */
  assign(advertiserIds: readonly string[]): Map<string, string> {
    return new Map(
      advertiserIds.map((id) => {
        const assign = this.#assignments.get(id) ?? this.#chance.pick([...this.stores.keys()]);
        this.#assignments.set(id, assign);
        return [id, assign];
      }),
    );
  }

  /** How often a database was set back, and how often everybody was visited since (src/batch/set-back.ts). */
  setBacks = 0;
  setBacksSeen = 0;

  /** Takes a copy of one database; the function that is returned puts it back. */
  copy(): () => void {
    const putBack = this.#chance.pick([...this.stores.values()]).copy();
    return () => {
      putBack();
      this.setBacks++;
    };
  }

  /** What is read of all databases. */
  get facts(): Facts {
    const united: Facts = new Map();
    for (const store of this.stores.values()) mergeFacts(united, store.read().values());
    return united;
  }

  /** Whether an advertiser's rows stand in that database. */
  isAssigned(advertiserId: string, name: string): boolean {
    return this.#assignments.get(advertiserId) === name;
  }

  get lates(): LateClicks {
    return new Map(Array.from(this.stores.values()).flatMap(({ lates }) => [...lates]));
  }

  /** Advertisers with rows outside of the database that they are assigned to. */
  astray(): string[] {
    return Array.from(this.stores).flatMap(([name, store]) =>
      Array.from(store.read().values(), ({ advertiserId }) => advertiserId).filter((id) => !this.isAssigned(id, name)),
    );
  }
}
