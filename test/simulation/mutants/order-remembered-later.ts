/**
 * Breaks: a conversion is logged in one transaction, and what is remembered of its order is written in a second one. When
 * the second one fails, the sender submits again, and the order is new to the shard once more.
 * Violates G4: an order is one conversion.
 */
import { submitConversions } from "../../../src/shard/submit-conversions.ts";
import type { Mutant } from "./mutant.ts";

export const ORDER_REMEMBERED_LATER: Mutant = {
  fault: "an order's state is not remembered in the transaction that logs it",
  promise: "G4",
  parts: {
    convert: (encoded, { log, book, nowMs }, transact) => {
      const states = new Map<string, string>();
      let period = 0;
      const deferring = {
        find: (keys: readonly string[]) => book.find(keys),
        put: (changed: ReadonlyMap<string, string>, at: number) => {
          for (const [key, state] of changed) states.set(key, state);
          period = at;
        },
        dropBefore: () => {},
      };
      const submitted = transact(() => submitConversions(encoded, { log, book: deferring }, nowMs));
      transact(() => book.put(states, period));
      return submitted;
    },
  },
};
