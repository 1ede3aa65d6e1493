/**
 * Mutations of an audited day: each changes a byte that is hashed or a value that is decoded, of the archive, of a whole
 * archive that was forged anew with right chains, or of a table of the report database.
 *
 * Keeps: a mutation that would change nothing, or that the schema refuses, draws again. Not among them: users that a
 * sketch has beside the true ones (users are never taken away, docs/METHODOLOGY.md), and what a forger with right chains
 * changes although no figure hangs on it, as the agent of a click that was revised to invalid: there chains alone hold.
 */
import { decodeHead, encodeHead, HEADS_PREFIX } from "../../../src/archive/head.ts";
import { LogText, rowsOf } from "../../../src/archive/log-text.ts";
import { R2Archive } from "../../../src/archive/r2-archive.ts";
import type { DiscrepancyKind } from "../../../src/core/discrepancy.ts";
import { MEASURES } from "../../../src/core/fields.ts";
import { LOG_START, type Position, positionAfter } from "../../../src/core/position.ts";
import type { Chance } from "../chance.ts";
import { DAY } from "./day.ts";
import type { MemoryR2 } from "./memory-r2.ts";
import type { SqliteD1 } from "./sqlite-d1.ts";

export type Subject = { readonly r2: MemoryR2; readonly d1: SqliteD1; readonly chance: Chance };
/** Resolves to false where it found nothing to change. */
type Mutation = (subject: Subject) => Promise<boolean> | boolean;

const RAW = `raw/v1/dt=${DAY}/`;
const LINE_HEAD = /^\{"v":1,"seq":\d+,"logged_at_ms":\d+,/;

async function gzipped(text: string, through: "gzip" | "gunzip", bytes?: Uint8Array): Promise<Uint8Array> {
  const stream = through === "gzip" ? new CompressionStream("gzip") : new DecompressionStream("gzip");
  const body = new Response(bytes?.slice() ?? text).body?.pipeThrough(stream);
  return new Uint8Array(await new Response(body).arrayBuffer());
}

const segmentsIn = ({ r2 }: Subject) =>
  Array.from(r2.objects.keys())
    .filter((key) => key.startsWith(RAW))
    .sort();

async function textIn({ r2 }: Subject, key: string): Promise<string> {
  const bytes = r2.objects.get(key)?.bytes;
  return new TextDecoder().decode(await gzipped("", "gunzip", bytes));
}

/** Rewrites the text of one segment, under its metadata. */
function ofText(change: (text: string, chance: Chance) => string): Mutation {
  return async (subject) => {
    const key = subject.chance.pick(segmentsIn(subject));
    const before = await textIn(subject, key);
    const after = change(before, subject.chance);
    if (after === before) return false;
    await subject.r2.put(key, await gzipped(after, "gzip"), {
      customMetadata: subject.r2.objects.get(key)?.metadata ?? {},
    });
    return true;
  };
}

function ofLines(change: (lines: string[], chance: Chance) => void): Mutation {
  return ofText((text, chance) => {
    const lines = text.trimEnd().split("\n");
    change(lines, chance);
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  });
}

function swap<T>(values: T[], chance: Chance): void {
  const [a, b] = [chance.between(0, values.length), chance.between(0, values.length)];
  [values[a], values[b]] = [values[b] as T, values[a] as T];
}

/** Another character in the place of one. */
function edited(text: string, chance: Chance): string {
  const at = chance.between(0, text.length);
  return `${text.slice(0, at)}${String.fromCharCode(33 + chance.between(0, 90))}${text.slice(at + 1)}`;
}

const ARCHIVE: Readonly<Record<string, Mutation>> = {
  "segment: taken away": (subject) => subject.r2.objects.delete(subject.chance.pick(segmentsIn(subject))),
  "segment: a character edited": ofText(edited),
  "segment: a line dropped": ofLines((lines, chance) => lines.splice(chance.between(0, lines.length), 1)),
  "segment: a line doubled": ofLines((lines, chance) => {
    const at = chance.between(0, lines.length);
    lines.splice(at, 0, lines[at] as string);
  }),
  "segment: lines reordered": ofLines(swap),
  "segment: cut": ofText((text, chance) => text.slice(0, chance.between(0, text.length))),
  "segment: a compressed byte flipped": async (subject) => {
    const { r2, chance } = subject;
    const key = chance.pick(segmentsIn(subject));
    const { bytes, metadata } = r2.objects.get(key) as { bytes: Uint8Array; metadata: Record<string, string> };
    const before = await textIn(subject, key);
    const other = bytes.slice();
    const at = chance.between(0, other.length);
    other[at] = (other[at] as number) ^ (1 << chance.between(0, 8));
    await r2.put(key, other, { customMetadata: metadata });
    // Some bits of the form say nothing of the text.
    return (await textIn(subject, key).catch(() => null)) !== before;
  },
  "segment: two swapped": (subject) => {
    const { r2, chance } = subject;
    const keys = segmentsIn(subject);
    const [a, b] = [chance.pick(keys), chance.pick(keys)];
    const [one, other] = [r2.objects.get(a), r2.objects.get(b)];
    if (a === b || one === undefined || other === undefined) return false;
    r2.objects.set(a, other);
    r2.objects.set(b, one);
    return true;
  },
  "segment: chain, place or end edited": (subject) => {
    const { r2, chance } = subject;
    const key = chance.pick(segmentsIn(subject));
    const { bytes, metadata } = r2.objects.get(key) as { bytes: Uint8Array; metadata: Record<string, string> };
    const name = chance.pick(["chain", "chainFrom", "seqTo"] as const);
    const before = metadata[name] ?? "";
    const after =
      name === "seqTo"
        ? String(Number(before) + chance.pick([-1, 1]))
        : `${before.slice(1)}${before.slice(0, 1) === "0" ? "1" : "0"}`;
    r2.objects.set(key, { bytes, metadata: { ...metadata, [name]: after } });
    return after !== before;
  },
  "segment: doubled under another life, shard or hour": async (subject) => {
    const { r2, chance } = subject;
    const key = chance.pick(segmentsIn(subject));
    const [from, to] = chance.pick([
      [/life-of/, "life-after"],
      [/s-0\//, "s-9/"],
      [/hour=1/, "hour=0"],
    ] as const);
    const stored = r2.objects.get(key);
    if (stored === undefined || r2.objects.has(key.replace(from, to))) return false;
    r2.objects.set(key.replace(from, to), stored);
    return true;
  },
};

/** Rewrites the lines of one shard, with all chains, metadata and the head made anew. */
function forged(change: (rows: string[][], chance: Chance) => boolean): Mutation {
  return async (subject) => {
    const { r2, chance } = subject;
    const shard = chance.pick(["clicks-0", "impressions-0"]);
    const keys = segmentsIn(subject).filter((key) => key.includes(`shard=${shard}/`));
    const old = await Promise.all(keys.map(async (key) => rowsOf(await textIn(subject, key))));
    const segments = old.map((rows) => rows.map((row) => row.lines().split("\n")));
    if (!change(segments.flat(), chance)) return false;
    const head = decodeHead(new TextDecoder().decode(r2.objects.get(`${HEADS_PREFIX}${shard}.json`)?.bytes));
    const [life] = head.lives;
    if (life === undefined) return false;
    const archive = new R2Archive(r2.binding);
    let at: Position = LOG_START;
    let segment = life.segment;
    for (const [index, key] of keys.entries()) {
      const from = at;
      const rows: LogText[] = [];
      for (const [row, lines] of (segments[index] ?? []).entries()) {
        if (lines.length === 0) continue;
        const loggedAtMs = old[index]?.[row]?.loggedAtMs ?? 0;
        const seq = at.seq + 1;
        const text = lines.map((line) => line.replace(LINE_HEAD, `{"v":1,"seq":${seq},"logged_at_ms":${loggedAtMs},`));
        const next = new LogText(seq, loggedAtMs, text.join("\n"));
        rows.push(next);
        at = await positionAfter(at, next);
      }
      const place = String(from.seq + 1).padStart(12, "0");
      const name = key.replace(/-\d{12}\./, `-${place}.`);
      r2.objects.delete(key);
      await archive.put({ key: name, owner: { shard, incarnation: life.incarnation }, from, to: at, rows });
      segment = { key: name, from };
    }
    await r2.put(`${HEADS_PREFIX}${shard}.json`, encodeHead({ lives: [{ ...life, end: at, segment }] }));
    return true;
  };
}

const idOf = (line: string) => /"id":"([^"]+)"/.exec(line)?.[1] ?? "";
const isRevision = (line: string) => line.includes('"revision":');

/** Changes the first line, from a random one on, of which a text can be replaced; of events that were never revised. */
function replaced(from: RegExp, to: string | ((match: string) => string), ofRevised = false): Mutation {
  return forged((rows, chance) => {
    const revised = new Set(rows.flat().filter(isRevision).map(idOf));
    const start = chance.between(0, rows.length);
    for (let step = 0; step < rows.length; step++) {
      const row = rows[(start + step) % rows.length] as string[];
      for (const [at, line] of row.entries()) {
        if (revised.has(idOf(line)) && !ofRevised) continue;
        const after = typeof to === "string" ? line.replace(from, to) : line.replace(from, to);
        if (after === line) continue;
        row[at] = after;
        return true;
      }
    }
    return false;
  });
}

const FORGED: Readonly<Record<string, Mutation>> = {
  "forged: a row dropped": forged((rows, chance) => {
    chance.pick(rows).length = 0;
    return true;
  }),
  "forged: a line doubled": forged((rows, chance) => {
    const row = chance.pick(rows);
    row.push(row[0] as string);
    return true;
  }),
  "forged: valid is invalid": replaced(
    /"verdict":"valid","reason":null,"rules"/,
    '"verdict":"invalid","reason":"data_centre_network","rules"',
  ),
  "forged: valid is a duplicate": replaced(
    /"verdict":"valid","reason":null,"rules"/,
    '"verdict":"duplicate","reason":"same_impression","rules"',
  ),
  "forged: a duplicate is valid": replaced(
    /"verdict":"duplicate","reason":"same_impression","rules"/,
    '"verdict":"valid","reason":null,"rules"',
  ),
  "forged: a crawler is valid": replaced(
    /"verdict":"invalid","reason":"declared_crawler","rules"/,
    '"verdict":"valid","reason":null,"rules"',
  ),
  "forged: a count": replaced(/"count":1/, '"count":2'),
  "forged: a country": replaced(/"country":"[A-Z]+"/, '"country":"FR"'),
  "forged: a minute": replaced(/"occurred_at_ms":(\d+)/, (match) =>
    match.replace(/\d+/, (ms) => String(Number(ms) + 60_000)),
  ),
  "forged: a token's payload": replaced(/"token":"([^."]+)\.([^."]+)/, (match) => `${match}A`),
  "forged: a token's signature": replaced(/"token":"[^"]+"/, (match) => `${match.slice(0, -9)}AAAAAAAA"`),
  "forged: an agent is a crawler": replaced(/Mozilla\/5\.0 \(Windows[^"]*/, "Googlebot/2.1"),
  "forged: rules that nobody has": replaced(/"rules":"[^"]+"/, '"rules":"1-00000000"'),
  "forged: from what a revision takes": replaced(/"from":\{"verdict":"valid"/, '"from":{"verdict":"duplicate"', true),
};

/** Adds a copy of a line, as another event, to its row. */
function added(change: (line: string) => string): Mutation {
  return forged((rows, chance) => {
    const row = chance.pick(rows);
    const line = row[0] as string;
    row.push(change(line.replace(/"id":"([^"]+)"/, (_, id: string) => `"id":"${id.slice(0, -2)}zz"`)));
    return true;
  });
}

const OTHER_TYPE = { click: "impression", impression: "click" } as const;
const ASTRAY: Readonly<Record<string, Mutation>> = {
  // An impression's log owns no click, nor a click's an impression.
  "forged: an event of another shard": added((line) =>
    line.replace(/"type":"(click|impression)"/, (_, type: keyof typeof OTHER_TYPE) => `"type":"${OTHER_TYPE[type]}"`),
  ),
  "forged: a line that nobody can read": added((line) => line.replace(/"verdict":"\w+"/, '"verdict":"perhaps"')),
  "a letter that waits": async ({ r2, chance }) => {
    const folder = chance.pick(["dead/v1", "spool/v1", "dead-postings/v1"]);
    await r2.put(`${folder}/dt=${DAY}/reason=retries_exhausted/m-${chance.between(0, 1_000)}.json`, new Uint8Array());
    return true;
  },
};

type Row = Readonly<Record<string, string | number | null>>;
const TIERS = ["minute", "hour", "day"] as const;

/** Changes one row of a tier of facts. */
function ofRow(statement: (tier: string, row: Row, chance: Chance) => string | null): Mutation {
  return ({ d1, chance }) => {
    const tier = chance.pick(TIERS);
    const key = `advertiser_id, ${tier}, campaign_id, ad_group_id, ad_id, part`;
    const row = chance.pick(d1.rows(`SELECT ${key}, cells, reasons, sketch IS NULL AS no_users FROM facts_${tier}`));
    const sql = statement(tier, row, chance);
    if (sql === null) return false;
    const is = key.split(", ").map((name) => `${name} = '${row[name]}'`);
    d1.exec(`${sql} WHERE ${is.join(" AND ")}`);
    return true;
  };
}

type Cell = [dimensions: string[], counts: number[]];

function withCells(row: Row, change: (cells: Cell[]) => void): string {
  const cells = JSON.parse(String(row["cells"])) as Cell[];
  change(cells);
  return JSON.stringify(cells);
}

const set = (tier: string, assignment: string) => `UPDATE facts_${tier} SET ${assignment}`;

const FACTS: Readonly<Record<string, Mutation>> = {
  "facts: a row deleted": ofRow((tier) => `DELETE FROM facts_${tier}`),
  "facts: a total": ofRow((tier, _, chance) => {
    const measure = chance.pick(MEASURES);
    return set(tier, `${measure} = ${measure} + ${chance.pick([-1, 1, 1_000_000])}`);
  }),
  "facts: a cell's count": ofRow((tier, row, chance) => {
    const cells = withCells(row, (all) => {
      const [, counts] = chance.pick(all);
      const at = chance.between(0, counts.length);
      counts[at] = (counts[at] ?? 0) + 1;
    });
    return set(tier, `cells = '${cells}'`);
  }),
  "facts: a cell's publisher or country": ofRow((tier, row, chance) => {
    const cells = withCells(row, (all) => {
      const [dimensions] = chance.pick(all);
      dimensions[chance.between(0, 2)] = "XX";
    });
    return set(tier, `cells = '${cells}'`);
  }),
  "facts: a cell and its totals": ofRow((tier, row) => {
    const [valid, gross] = [MEASURES.indexOf("valid"), MEASURES.indexOf("gross")];
    const cells = withCells(row, (all) => {
      const counts = all[0]?.[1] as number[];
      counts[valid] = (counts[valid] ?? 0) + 1;
      counts[gross] = (counts[gross] ?? 0) + 1;
    });
    return set(tier, `cells = '${cells}', valid = valid + 1, gross = gross + 1`);
  }),
  "facts: a reason": ofRow((tier, row) => {
    const [reason] = Object.keys(JSON.parse(String(row["reasons"])) as object);
    return reason === undefined ? null : set(tier, `reasons = json_set(reasons, '$."${reason}"', 77)`);
  }),
  "facts: users lost": ofRow((tier, row) => (row["no_users"] === 1 ? null : set(tier, "sketch = NULL"))),
  "facts: a row of another ad": ofRow((tier) => set(tier, "ad_id = 'ad_other'")),
  "facts: a row of another window": ofRow((tier) => (tier === "day" ? null : set(tier, `${tier} = ${tier} + 1`))),
};

const SUMS: Readonly<Record<string, Mutation>> = {
  "sums: a sum": ({ d1, chance }) => {
    const { dimension, value } = chance.pick(d1.rows("SELECT dimension, value FROM day_sums"));
    const measure = chance.pick(MEASURES);
    d1.exec(`UPDATE day_sums SET ${measure} = ${measure} + 1 WHERE dimension = '${dimension}' AND value = '${value}'`);
    return true;
  },
  "sums: a row deleted": ({ d1, chance }) => {
    const { dimension, value } = chance.pick(d1.rows("SELECT dimension, value FROM day_sums"));
    d1.exec(`DELETE FROM day_sums WHERE dimension = '${dimension}' AND value = '${value}'`);
    return true;
  },
  "sums: a row that is of nothing": ({ d1, chance }) => {
    const { dimension, publisher_id, day } = chance.pick(d1.rows("SELECT dimension, publisher_id, day FROM day_sums"));
    d1.exec(`INSERT INTO day_sums (dimension, publisher_id, day, value, valid, gross)
      VALUES ('${dimension}', '${publisher_id}', ${day}, 'nothing', 1, 1)`);
    return true;
  },
};

export const MUTATIONS: Readonly<Record<string, Mutation>> = { ...ARCHIVE, ...FORGED, ...ASTRAY, ...FACTS, ...SUMS };

/** What the audit must call some of them by, whatever else it finds. */
export const NAMES: Readonly<Record<string, DiscrepancyKind>> = {
  "segment: taken away": "segment_missing",
  "forged: a token's signature": "signature",
  "forged: rules that nobody has": "rules_unknown",
  "forged: an event of another shard": "foreign_shard",
  "forged: a line that nobody can read": "line_unreadable",
  "a letter that waits": "leftover",
};

const TRIES = 20;

/** Applies a mutation of that name to the subject; throws where there is nothing to change. */
export async function mutate(name: string, subject: Subject): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) if (await isMade(name, subject)) return;
  throw new Error(`nothing to change: ${name}`);
}

async function isMade(name: string, subject: Subject): Promise<boolean> {
  try {
    return (await MUTATIONS[name]?.(subject)) ?? false;
  } catch (fault) {
    // The schema itself refuses some of them.
    if (String(fault).includes("CHECK constraint")) return false;
    throw fault;
  }
}
