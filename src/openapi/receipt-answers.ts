/**
 * The answer of the operation of receipts.
 */
import * as z from "zod";

const text = z.string();
const count = z.int();
const hashes = z.array(text).describe("From the leaf's sibling to the root's child, each 64 hexadecimal digits.");
const hash = text.describe("64 hexadecimal digits.");

export const Receipt = z.object({
  v: z.literal(1),
  line: text.describe("The line of the log, without its hashes of address and user."),
  nonce: text.describe("32 hexadecimal digits. The leaf is SHA-256(0x00 ‖ nonce ‖ line)."),
  line_index: count,
  line_path: hashes,
  segment: z.object({ first_row: count, last_row: count, lines: count, root: hash }),
  segment_index: count,
  segment_path: hashes,
  manifest: z.object({
    v: z.literal(1),
    source: text.describe("The shard and the life of its log."),
    hour: text.describe("The log hour, UTC: `2026-11-27T13`."),
    revision: count,
    previous: hash.nullable(),
    root: hash,
    segments: count,
    lines: count,
    first_row: count,
    last_row: count,
    chain: hash,
  }),
  proof: text.describe("A C2SP tlog-proof that the evidence log has the manifest, with its checkpoint."),
});
