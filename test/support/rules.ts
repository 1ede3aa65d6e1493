/** The rules that logs of tests name. */
import { ruleSetOf } from "../../src/core/rules.ts";

export const RULES = ruleSetOf({ late: { mode: "review", allowedLatenessS: 30 }, tokenTtlMaxS: 86_400 });
