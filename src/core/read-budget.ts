/**
 * How much one tenant may have read from a report database, and all together: the book that a gate keeps. Pure: the
 * clock is an argument.
 *
 *   enter ─▶ entered (a pass) │ wait (a place or room is missing, comes back) │ refused (rows or place; with a delay)
 *   claim(pass, rows)         a dear read, once it is weighed: charged before it reads on, or refused
 *   leave(pass, rows)         the rows that were read in truth are charged, and the next may enter
 *
 * A bucket of rows for each tenant fills over time. What a read will cost is guessed from what the tenant's last reads
 * of the same shape cost for each window; of reads whose shape was never seen one is open at a time, so that a tenant's
 * first dear reads come one after the other and each is charged before the next is let in. A dear read is weighed
 * before it reads, and charged what it weighs. What costs more than the bucket holds leaves a debt, which is waited
 * for.
 *
 * Keeps: at most `readsMax` reads and `streamsMax` streams of a tenant are open, and `readsOfAllMax`, `rowsOfAllMax`
 * and `streamsOfAllMax` of all. A place always comes back: by leaving, else when its pass runs out. Tenants that have
 * nothing open and a full bucket are forgotten, so the book is as long as who asked lately.
 */
import { SECOND_MS } from "./limits.ts";
import { fillTenant, learnCost, newTenant, type Tenant, type TenantRules } from "./read-tenant.ts";
import { assert } from "./result.ts";

/** What all may do together, and how long a pass is good for without a word of its holder. */
export type SharedRules = {
  readonly readsOfAllMax: number;
  /** Guessed rows of all reads that are open; one read enters whatever it is guessed at. */
  readonly rowsOfAllMax: number;
  readonly streamsOfAllMax: number;
  readonly readPassMs: number;
  readonly streamPassMs: number;
};

/** One read as it is asked for: who, of what shape, over how many windows. */
export type ReadAsk = {
  readonly tenant: string;
  readonly rules: TenantRules;
  /** Reads of one shape cost about as much for each window. One of a closed list, since it is remembered. */
  readonly shape: string;
  readonly windows: number;
};

export type StreamAsk = Pick<ReadAsk, "tenant" | "rules">;

export type Refused =
  /** The bucket does not hold what the read is guessed to cost. */
  | { readonly kind: "rows_spent"; readonly retryAfterS: number; readonly guessedRows: number | null }
  | { readonly kind: "streams_taken"; readonly retryAfterS: number }
  | { readonly kind: "streams_of_all_taken"; readonly retryAfterS: number };

export type Entered =
  | { readonly kind: "entered"; readonly pass: number }
  | { readonly kind: "wait"; readonly isOwn: boolean }
  | Refused;

export type StreamEntered = Exclude<Entered, { kind: "wait" }>;

type Pass = {
  readonly tenant: string;
  readonly kind: "read" | "stream";
  /** Rows that are charged already; null where nobody knows. */
  guess: number | null;
  /** Read in slices, which have their own order (src/access/slice-line.ts). */
  isDear: boolean;
  readonly shape: string;
  readonly windows: number;
  untilMs: number;
};

/** What a read of a shape that was never seen is taken to cost beside others'. */
const UNKNOWN_ROWS = 250_000;
/** After this long without a free place a stream may be tried again. */
const STREAM_RETRY_S = 30;
/** Nobody is asked to wait for longer than this at a time; a debt may be longer. */
const RETRY_AFTER_MAX_S = 3_600;

export class ReadBudget {
  readonly #shared: SharedRules;
  readonly #tenants = new Map<string, Tenant>();
  readonly #passes = new Map<number, Pass>();
  #lastPass: number;
  #reads = 0;
  #guessedRows = 0;
  #streams = 0;

  /** Passes are numbered from `firstPass` on, so that those of a book that was lost are none of this one. */
  constructor(shared: SharedRules, firstPass: number) {
    this.#shared = shared;
    this.#lastPass = firstPass;
  }

  /** Lets a read in, or says what it lacks. */
  enter(ask: ReadAsk, nowMs: number): Entered {
    this.expire(nowMs);
    const tenant = this.#tenantOf(ask, nowMs);
    const known = tenant.costs.get(ask.shape);
    const guess = known === undefined ? null : Math.ceil(known * ask.windows);
    // A read that is dearer than the whole bucket enters when the bucket is full, and leaves a debt.
    const needed = Math.min(guess ?? 1, ask.rules.rowsMax);
    if (tenant.rows < needed) return this.#spent(tenant, needed, guess);
    if (tenant.reads >= ask.rules.readsMax) return { kind: "wait", isOwn: true };
    if (guess === null && tenant.isFirstOpen) return { kind: "wait", isOwn: true };
    const rows = guess ?? UNKNOWN_ROWS;
    const isFull = this.#reads >= this.#shared.readsOfAllMax || this.#guessedRows + rows > this.#shared.rowsOfAllMax;
    if (isFull && this.#reads > 0) return { kind: "wait", isOwn: false };

    tenant.reads++;
    tenant.rows -= guess ?? 0;
    tenant.isFirstOpen ||= guess === null;
    this.#reads++;
    this.#guessedRows += rows;
    const { shape, windows } = ask;
    const untilMs = nowMs + this.#shared.readPassMs;
    return this.#pass({ tenant: ask.tenant, kind: "read", guess, isDear: false, shape, windows, untilMs });
  }

  /**
   * Charges what a read will cost, now that it has been weighed; what it lacks, if the bucket does not hold it. Its
   * rows are none of those in flight any more: it reads them slice by slice.
   */
  claim(pass: number, rows: number, nowMs: number): Refused | null {
    const held = this.#passes.get(pass);
    const tenant = held === undefined ? undefined : this.#filled(held.tenant, nowMs);
    if (held === undefined || tenant === undefined) return null;
    learnCost(tenant, held, rows, { isWeighed: false });
    if (!held.isDear) this.#guessedRows -= held.guess ?? UNKNOWN_ROWS;
    if (held.guess === null) tenant.isFirstOpen = false;
    tenant.rows += held.guess ?? 0;
    Object.assign(held, { guess: 0, isDear: true });
    const needed = Math.min(rows, tenant.rules.rowsMax);
    if (tenant.rows < needed) return this.#spent(tenant, needed, rows);
    tenant.rows -= rows;
    held.guess = rows;
    return null;
  }

  /** A read is still there: whose it is, null when its pass has run out. */
  keepRead(pass: number, nowMs: number): string | null {
    this.expire(nowMs);
    const held = this.#passes.get(pass);
    if (held === undefined) return null;
    held.untilMs = nowMs + this.#shared.readPassMs;
    return held.tenant;
  }

  /** Open reads of other tenants that are not read in slices. */
  lightBeside(tenant: string): number {
    const others = Array.from(this.#passes.values()).filter((pass) => pass.kind === "read" && pass.tenant !== tenant);
    return others.filter(({ isDear }) => !isDear).length;
  }

  /** Whether a read of another tenant has been open since an instant. */
  wasBeside(tenant: string, sinceMs: number): boolean {
    return (
      this.lightBeside(tenant) > 0 ||
      Array.from(this.#tenants).some(([name, { leftAtMs }]) => name !== tenant && leftAtMs > sinceMs)
    );
  }

  /** Gives a read's place back and charges what it read. A pass that has run out meanwhile changes nothing. */
  leave(pass: number, rowsRead: number, nowMs: number): void {
    const held = this.#take(pass);
    if (held === null) return;
    const tenant = this.#filled(held.tenant, nowMs);
    if (tenant === undefined) return;
    tenant.leftAtMs = nowMs;
    tenant.rows += (held.guess ?? 0) - rowsRead;
    learnCost(tenant, held, rowsRead, { isWeighed: held.isDear });
  }

  /** Opens a stream's place. Its looks are charged by `keepStream`. */
  openStream({ tenant: name, rules }: StreamAsk, nowMs: number): StreamEntered {
    this.expire(nowMs);
    const tenant = this.#tenantOf({ tenant: name, rules }, nowMs);
    if (tenant.streams >= rules.streamsMax) return { kind: "streams_taken", retryAfterS: STREAM_RETRY_S };
    if (this.#streams >= this.#shared.streamsOfAllMax) {
      return { kind: "streams_of_all_taken", retryAfterS: STREAM_RETRY_S };
    }
    tenant.streams++;
    this.#streams++;
    const untilMs = nowMs + this.#shared.streamPassMs;
    return this.#pass({ tenant: name, kind: "stream", guess: null, isDear: false, shape: "", windows: 1, untilMs });
  }

  /**
   * A stream is still there and has read so many rows. Says after how many milliseconds it may look again, 0 while the
   * bucket holds something; null when its place is gone, so that it must end.
   */
  keepStream(pass: number, rowsRead: number, nowMs: number): number | null {
    this.expire(nowMs);
    const held = this.#passes.get(pass);
    const tenant = held === undefined ? undefined : this.#filled(held.tenant, nowMs);
    if (held === undefined || tenant === undefined) return null;
    held.untilMs = nowMs + this.#shared.streamPassMs;
    tenant.rows -= rowsRead;
    return tenant.rows > 0 ? 0 : Math.ceil((-tenant.rows / tenant.rules.rowsPerS) * SECOND_MS);
  }

  /** Gives a stream's place back. */
  closeStream(pass: number): void {
    this.#take(pass);
  }

  /** Whether so many bytes of further pages may be kept for a tenant; then they are charged. */
  mayKeep({ tenant: name, rules }: StreamAsk, bytes: number, nowMs: number): boolean {
    const tenant = this.#tenantOf({ tenant: name, rules }, nowMs);
    if (tenant.keptBytes < Math.min(bytes, rules.keptBytesMax)) return false;
    tenant.keptBytes -= bytes;
    return true;
  }

  /** What a tenant may read at once just now, and how many reads and streams it has open. Changes nothing. */
  left({ tenant: name, rules }: StreamAsk, nowMs: number): { rows: number; reads: number; streams: number } {
    const tenant = this.#filled(name, nowMs);
    if (tenant === undefined) return { rows: rules.rowsMax, reads: 0, streams: 0 };
    return { rows: Math.max(0, Math.floor(tenant.rows)), reads: tenant.reads, streams: tenant.streams };
  }

  /** How many reads of a tenant are open, for fairness among those who wait. */
  readsOf(tenant: string): number {
    return this.#tenants.get(tenant)?.reads ?? 0;
  }

  /**
   * Takes back places whose holders have not been heard of. Such a read is charged as one that emptied the bucket: it
   * may run on in the database, and a caller must not gain by going away.
   */
  expire(nowMs: number): void {
    for (const [pass, { tenant: name, kind, untilMs }] of this.#passes) {
      if (untilMs > nowMs) continue;
      this.#take(pass);
      const tenant = this.#filled(name, nowMs);
      if (kind === "read" && tenant !== undefined) tenant.rows = Math.min(tenant.rows, 0);
    }
  }

  /** When the next place comes back by itself; null when none is taken. */
  get nextExpiryMs(): number | null {
    const all = Array.from(this.#passes.values(), ({ untilMs }) => untilMs);
    return all.length === 0 ? null : Math.min(...all);
  }

  /** Forgets tenants of whom nothing is left to remember but what their reads cost. */
  forgetIdle(nowMs: number): number {
    for (const [name, { reads, streams, rules }] of this.#tenants) {
      const tenant = this.#filled(name, nowMs);
      const isFull = tenant?.rows === rules.rowsMax && tenant.keptBytes === rules.keptBytesMax;
      if (isFull && reads === 0 && streams === 0) this.#tenants.delete(name);
    }
    return this.#tenants.size;
  }

  #pass(pass: Pass): { kind: "entered"; pass: number } {
    this.#lastPass++;
    this.#passes.set(this.#lastPass, pass);
    return { kind: "entered", pass: this.#lastPass };
  }

  /** Removes a pass and gives its place back; null when it is gone already. */
  #take(pass: number): Pass | null {
    const held = this.#passes.get(pass);
    if (held === undefined) return null;
    this.#passes.delete(pass);
    const tenant = this.#tenants.get(held.tenant);
    assert(tenant !== undefined, "who holds a pass is in the book");
    if (held.kind === "stream") {
      tenant.streams--;
      this.#streams--;
      return held;
    }
    tenant.reads--;
    this.#reads--;
    if (!held.isDear) this.#guessedRows -= held.guess ?? UNKNOWN_ROWS;
    if (held.guess === null) tenant.isFirstOpen = false;
    return held;
  }

  #spent({ rows, rules }: Tenant, needed: number, guessedRows: number | null): Refused {
    const seconds = Math.ceil((needed - rows) / rules.rowsPerS);
    return { kind: "rows_spent", retryAfterS: Math.min(RETRY_AFTER_MAX_S, Math.max(1, seconds)), guessedRows };
  }

  #tenantOf({ tenant: name, rules }: StreamAsk, nowMs: number): Tenant {
    const known = this.#filled(name, nowMs);
    if (known !== undefined) {
      known.rules = rules;
      return known;
    }
    const tenant = newTenant(rules, nowMs);
    this.#tenants.set(name, tenant);
    return tenant;
  }

  /** The tenant with its buckets filled up to now. A clock that went back fills nothing. */
  #filled(name: string, nowMs: number): Tenant | undefined {
    const tenant = this.#tenants.get(name);
    if (tenant !== undefined) fillTenant(tenant, nowMs);
    return tenant;
  }
}
