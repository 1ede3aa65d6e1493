/**
 * The bindings with a key that may ask as often as it likes: a fast machine would meet the limit by chance. How often a
 * key may ask is tested in test/access/rate-limit.test.ts.
 */
import { env } from "cloudflare:workers";

export const UNHURRIED = { ...env, API_RATE: { limit: async () => ({ success: true }) } };
