/** The book of who reads how much: places, rows, their coming back, and that one tenant's are not another's. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LEASE_MS, PAUSE_MS, SliceLine, YIELD_MS } from "../../src/access/slice-line.ts";
import { type Entered, ReadBudget, type SharedRules } from "../../src/core/read-budget.ts";
import type { TenantRules } from "../../src/core/read-tenant.ts";

const RULES: TenantRules = {
  ...{ rowsMax: 1_000, rowsPerS: 10, keptBytesMax: 500, keptBytesPerS: 5 },
  ...{ readsMax: 3, streamsMax: 2 },
};
const SHARED: SharedRules = {
  ...{ readsOfAllMax: 5, rowsOfAllMax: 1_000_000, streamsOfAllMax: 3 },
  ...{ readPassMs: 45_000, streamPassMs: 60_000 },
};
const T0 = 1_000_000;

const askOf = (tenant: string, shape = "day rows", windows = 10) => ({ tenant, rules: RULES, shape, windows });

function passOf(entered: Entered): number {
  if (entered.kind !== "entered") throw new Error(entered.kind);
  return entered.pass;
}

/** A book in which the tenants' reads of the usual shape are known to cost ten rows each. */
function bookKnowing(...tenants: string[]): ReadBudget {
  const book = new ReadBudget(SHARED, 0);
  for (const tenant of tenants) book.leave(passOf(book.enter(askOf(tenant), T0)), 10, T0);
  return book;
}

describe("places of reads", () => {
  it("[attack 8] are so many for a tenant and no more, while another still enters", () => {
    const book = bookKnowing("noisy", "quiet");
    const passes = [1, 2, 3].map(() => passOf(book.enter(askOf("noisy"), T0)));
    expect(book.enter(askOf("noisy"), T0)).toEqual({ kind: "wait", isOwn: true });
    expect(book.enter(askOf("quiet"), T0).kind).toBe("entered");
    book.leave(passes[0] as number, 10, T0);
    expect(book.enter(askOf("noisy"), T0).kind).toBe("entered");
  });

  it("are so many for all", () => {
    const book = bookKnowing("a", "b", "c");
    for (const tenant of ["a", "a", "a", "b", "b"]) passOf(book.enter(askOf(tenant), T0));
    expect(book.enter(askOf("c"), T0)).toEqual({ kind: "wait", isOwn: false });
  });

  it("hold so many guessed rows of all together, but always one read", () => {
    const book = new ReadBudget({ ...SHARED, rowsOfAllMax: 15 }, 0);
    const first = passOf(book.enter(askOf("a"), T0));
    expect(book.enter(askOf("b"), T0)).toEqual({ kind: "wait", isOwn: false });
    book.leave(first, 10, T0);
    expect(book.enter(askOf("b"), T0).kind).toBe("entered");
  });

  it("are one for reads whose cost nobody knows, so that the first is charged before the next enters", () => {
    const book = new ReadBudget(SHARED, 0);
    const first = passOf(book.enter(askOf("noisy", "day cells"), T0));
    expect(book.enter(askOf("noisy", "day cells"), T0)).toEqual({ kind: "wait", isOwn: true });
    expect(book.enter(askOf("noisy", "hour cells"), T0)).toEqual({ kind: "wait", isOwn: true });
    book.leave(first, 900, T0);
    expect(book.enter(askOf("noisy", "day cells"), T0)).toMatchObject({ kind: "rows_spent", guessedRows: 900 });
    expect(book.enter(askOf("noisy", "hour cells"), T0).kind).toBe("entered");
  });

  it("come back by themselves when nothing was heard of the reader, and the reader pays for it", () => {
    const book = bookKnowing("gone");
    const passes = [1, 2, 3].map(() => passOf(book.enter(askOf("gone"), T0)));
    expect(book.nextExpiryMs).toBe(T0 + 45_000);
    expect(book.enter(askOf("gone"), T0 + 44_999).kind).toBe("wait");
    expect(book.enter(askOf("gone"), T0 + 45_000)).toMatchObject({ kind: "rows_spent", retryAfterS: 1 });
    expect(book.readsOf("gone")).toBe(0);
    // Who comes back after that has no place to give, and is not charged twice.
    for (const pass of passes) book.leave(pass, 1_000_000, T0 + 45_000);
    expect(book.enter(askOf("gone"), T0 + 46_000).kind).toBe("entered");
  });

  it("of a book that was lost are none of the next", () => {
    const lost = passOf(new ReadBudget(SHARED, 7_000).enter(askOf("a"), T0));
    const next = new ReadBudget(SHARED, 9_000);
    passOf(next.enter(askOf("a"), T0));
    next.leave(lost, 5, T0);
    expect(next.readsOf("a")).toBe(1);
  });
});

describe("rows", () => {
  it("[attack 8] that are spent are refused with the time until they have come back, and then are there", () => {
    const book = bookKnowing("noisy");
    const debt = passOf(book.enter(askOf("noisy"), T0));
    // 990 were left; now 510 are missing, and ten for the next read.
    book.leave(debt, 1_500, T0);
    const cheap = askOf("noisy", "day cells");
    expect(book.enter(cheap, T0)).toEqual({ kind: "rows_spent", retryAfterS: 52, guessedRows: null });
    expect(book.enter(cheap, T0 + 50_000)).toMatchObject({ kind: "rows_spent", retryAfterS: 2 });
    expect(book.enter(cheap, T0 + 52_000).kind).toBe("entered");
  });

  it("of one tenant are not those of another", () => {
    const book = bookKnowing("noisy", "quiet");
    book.leave(passOf(book.enter(askOf("noisy"), T0)), 1_000_000, T0);
    expect(book.enter(askOf("noisy"), T0).kind).toBe("rows_spent");
    expect(book.enter(askOf("quiet"), T0).kind).toBe("entered");
  });

  it("of a read that is dearer than the whole bucket are lent to a tenant whose bucket is full", () => {
    const book = new ReadBudget(SHARED, 0);
    const ask = askOf("heavy", "day cells");
    book.leave(passOf(book.enter(ask, T0)), 5_000, T0);
    // 4 000 in debt and 1 000 to hold: 500 s.
    expect(book.enter(ask, T0)).toMatchObject({ kind: "rows_spent", retryAfterS: 500, guessedRows: 5_000 });
    expect(book.enter(ask, T0 + 499_000).kind).toBe("rows_spent");
    expect(book.enter(ask, T0 + 500_000).kind).toBe("entered");
  });

  it("are guessed by the dearest of the last reads of the shape, for each window", () => {
    const book = new ReadBudget(SHARED, 0);
    const guessed = (windows: number) => {
      const entered = book.enter(askOf("a", "day cells", windows), T0 + 1e9);
      if (entered.kind === "rows_spent") return entered.guessedRows;
      book.leave(passOf(entered), 0, T0 + 1e9);
      return null;
    };
    book.leave(passOf(book.enter(askOf("a", "day cells", 10), T0)), 1_000, T0);
    expect(book.enter(askOf("a", "day cells", 7), T0)).toMatchObject({ guessedRows: 700 });
    // A read that cost nothing halves what is believed.
    guessed(1);
    const spent = passOf(book.enter(askOf("a", "other", 1), T0 + 1e9));
    book.leave(spent, 1_000, T0 + 1e9);
    expect(book.enter(askOf("a", "day cells", 10), T0 + 1e9)).toMatchObject({ guessedRows: 500 });
  });

  it("do not come back when the clock goes back", () => {
    const book = bookKnowing("a");
    book.leave(passOf(book.enter(askOf("a"), T0)), 5_000, T0);
    expect(book.enter(askOf("a"), T0 - 1e9).kind).toBe("rows_spent");
    expect(book.enter(askOf("a"), T0 + 1_000).kind).toBe("rows_spent");
  });
});

describe("streams", () => {
  const ask = (tenant: string) => ({ tenant, rules: RULES });

  it("[attack 8] are so many for a tenant, and for all", () => {
    const book = new ReadBudget(SHARED, 0);
    const first = passOf(book.openStream(ask("noisy"), T0));
    passOf(book.openStream(ask("noisy"), T0));
    expect(book.openStream(ask("noisy"), T0)).toMatchObject({ kind: "streams_taken" });
    expect(book.openStream(ask("quiet"), T0).kind).toBe("entered");
    expect(book.openStream(ask("another"), T0)).toMatchObject({ kind: "streams_of_all_taken" });
    book.closeStream(first);
    expect(book.openStream(ask("another"), T0).kind).toBe("entered");
  });

  it("keep their place while they are heard of, and lose it else", () => {
    const book = new ReadBudget(SHARED, 0);
    const [kept, silent] = [1, 2].map(() => passOf(book.openStream(ask("a"), T0))) as [number, number];
    expect(book.keepStream(kept, 0, T0 + 59_000)).toBe(0);
    expect(book.openStream(ask("a"), T0 + 60_000).kind).toBe("entered");
    expect(book.keepStream(silent, 0, T0 + 60_000)).toBeNull();
    expect(book.keepStream(kept, 0, T0 + 60_000)).toBe(0);
  });

  it("pay for what they read, and wait while the tenant is in debt", () => {
    const book = bookKnowing("a");
    const pass = passOf(book.openStream(ask("a"), T0));
    expect(book.keepStream(pass, 1_490, T0)).toBe(50_000);
    expect(book.enter(askOf("a"), T0).kind).toBe("rows_spent");
    expect(book.keepStream(pass, 0, T0 + 51_000)).toBe(0);
  });
});

it("[attack 19] further pages are kept for a tenant up to so many bytes at once", () => {
  const book = new ReadBudget(SHARED, 0);
  const ask = (tenant: string) => ({ tenant, rules: RULES });
  expect(book.mayKeep(ask("a"), 400, T0)).toBe(true);
  expect(book.mayKeep(ask("a"), 101, T0)).toBe(false);
  expect(book.mayKeep(ask("b"), 500, T0)).toBe(true);
  expect(book.mayKeep(ask("a"), 101, T0 + 1_000)).toBe(true);
  // A page that is larger than all room waits for all room.
  expect(book.mayKeep(ask("a"), 10_000, T0 + 99_000)).toBe(false);
  expect(book.mayKeep(ask("a"), 10_000, T0 + 200_000)).toBe(true);
});

it("forgets who has nothing open and nothing spent, and no one else", () => {
  const book = bookKnowing("done", "busy");
  passOf(book.enter(askOf("busy"), T0));
  book.openStream({ tenant: "watching", rules: RULES }, T0);
  expect(book.forgetIdle(T0)).toBe(3);
  expect(book.forgetIdle(T0 + 2_000)).toBe(2);
});

it("never has more open than may be, whatever comes and goes, and ends with all places free", () => {
  const tenants = ["a", "b", "c"];
  const step = fc.record({
    tenant: fc.constantFrom(...tenants),
    kind: fc.constantFrom("enter", "leave", "open", "close"),
    rows: fc.integer({ min: 0, max: 2_000 }),
    passMs: fc.integer({ min: 0, max: 30_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const book = new ReadBudget(SHARED, 0);
      const reads: { pass: number; tenant: string; untilMs: number }[] = [];
      const streams: { pass: number; tenant: string; untilMs: number }[] = [];
      let nowMs = T0;
      for (const { tenant, kind, rows, passMs } of steps) {
        nowMs += passMs;
        const alive = <T extends { untilMs: number }>(held: T[]) => held.filter(({ untilMs }) => untilMs > nowMs);
        const entered = kind === "enter" ? book.enter(askOf(tenant), nowMs) : null;
        if (entered?.kind === "entered") reads.push({ pass: entered.pass, tenant, untilMs: nowMs + 45_000 });
        if (kind === "leave") book.leave(reads.shift()?.pass ?? 0, rows, nowMs);
        const opened = kind === "open" ? book.openStream({ tenant, rules: RULES }, nowMs) : null;
        if (opened?.kind === "entered") streams.push({ pass: opened.pass, tenant, untilMs: nowMs + 60_000 });
        if (kind === "close") book.closeStream(streams.shift()?.pass ?? 0);
        expect(alive(reads).length).toBeLessThanOrEqual(SHARED.readsOfAllMax);
        expect(alive(streams).length).toBeLessThanOrEqual(SHARED.streamsOfAllMax);
        for (const name of tenants) {
          expect(alive(reads).filter((read) => read.tenant === name).length).toBeLessThanOrEqual(RULES.readsMax);
          expect(alive(streams).filter((held) => held.tenant === name).length).toBeLessThanOrEqual(RULES.streamsMax);
        }
      }
      book.expire(nowMs + 60_000);
      expect(book.nextExpiryMs).toBeNull();
      expect(tenants.map((name) => book.readsOf(name))).toEqual([0, 0, 0]);
    }),
    { seed: 20261128, numRuns: 200 },
  );
});

describe("a dear read", () => {
  it("[attack 8] is charged when it is weighed, once, and refused where the bucket does not hold it", () => {
    const book = new ReadBudget(SHARED, 0);
    const first = passOf(book.enter(askOf("noisy"), T0));
    expect(book.claim(first, 700, T0)).toBeNull();
    expect(book.left(askOf("noisy"), T0).rows).toBe(300);
    const second = passOf(book.enter(askOf("noisy", "other"), T0));
    expect(book.claim(second, 400, T0)).toMatchObject({ kind: "rows_spent", guessedRows: 400, retryAfterS: 10 });
    book.leave(second, 5, T0);
    book.leave(first, 710, T0);
    expect(book.left(askOf("noisy"), T0).rows).toBe(285);
    expect(book.enter(askOf("noisy", "other"), T0), "what was weighed is remembered").toMatchObject({
      ...{ kind: "rows_spent", guessedRows: 400 },
    });
  });

  it("counts as none of the rows in flight, nor as light beside others", () => {
    const book = new ReadBudget({ ...SHARED, rowsOfAllMax: 500_000 }, 0);
    const dear = passOf(book.enter(askOf("noisy"), T0));
    expect([book.lightBeside("quiet"), book.lightBeside("noisy")]).toEqual([1, 0]);
    expect(book.claim(dear, 1_000, T0)).toBeNull();
    expect(book.lightBeside("quiet")).toBe(0);
    expect([book.wasBeside("quiet", T0 - 1), book.wasBeside("noisy", T0 - 1)]).toEqual([false, false]);
    for (const tenant of ["a", "b"]) expect(book.enter(askOf(tenant), T0).kind).toBe("entered");
    expect(book.enter(askOf("c"), T0)).toEqual({ kind: "wait", isOwn: false });
    book.leave(dear, 1_000, T0);
    expect([book.wasBeside("quiet", T0 - 1), book.wasBeside("noisy", T0)]).toEqual([true, true]);
    expect(book.enter(askOf("c"), T0), "others' rows are still in flight").toEqual({ kind: "wait", isOwn: false });
  });
});

describe("slices", () => {
  /** A line whose clock stands until it is moved; what has had its turn, in order. */
  function aLine(light: (tenant: string) => number = () => 0, wasBeside = false) {
    let nowMs = T0;
    const timers = new Map<() => void, number>();
    const budget = {
      keepRead: (pass: number) => (pass < 100 ? (["noisy", "quiet"][pass % 2] ?? "") : null),
      lightBeside: light,
      wasBeside: () => wasBeside,
    };
    const line = new SliceLine(budget, {
      nowMs: () => nowMs,
      wakeAfter: (ms, wake) => {
        timers.set(wake, nowMs + ms);
        return () => timers.delete(wake);
      },
    });
    const turns: (number | string)[] = [];
    const next = async (pass: number) => turns.push((await line.next(pass)) ? pass : `no ${pass}`);
    const pass = async (ms: number) => {
      nowMs += ms;
      for (const [wake, atMs] of timers) {
        if (atMs <= nowMs && timers.delete(wake)) wake();
      }
      await settled();
    };
    return { line, next, pass, turns };
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

  it("[attack 8] run one at a time, each tenant's in turn however many it has", async () => {
    const { next, turns, line, pass: wait } = aLine();
    for (const pass of [0, 2, 4, 1]) void next(pass);
    await settled();
    expect(turns).toEqual([0]);
    void next(0);
    await wait(PAUSE_MS);
    expect(turns, "the other tenant is next").toEqual([0, 1]);
    line.end(1);
    await wait(PAUSE_MS);
    expect(turns).toEqual([0, 1, 2]);
    line.end(2);
    await wait(PAUSE_MS);
    line.end(4);
    await wait(PAUSE_MS);
    expect(turns).toEqual([0, 1, 2, 4, 0]);
  });

  it("[attack 8] let light reads of others go first, but come on", async () => {
    let light = 1;
    const { next, turns, pass, line } = aLine((tenant) => (tenant === "noisy" ? light : 0));
    void next(0);
    await pass(YIELD_MS - 1);
    expect(turns).toEqual([]);
    await pass(1);
    expect(turns).toEqual([0]);
    void next(0);
    await pass(PAUSE_MS);
    expect(turns).toEqual([0]);
    light = 0;
    line.advance();
    await settled();
    expect(turns).toEqual([0, 0]);
  });

  it("[attack 8] leave the database alone for a moment, and as long as each took where others were here lately", async () => {
    for (const [wasBeside, restMs] of [
      [false, PAUSE_MS],
      [true, 30],
    ] as const) {
      const { next, turns, pass } = aLine(() => 0, wasBeside);
      void next(0);
      await pass(30);
      void next(0);
      await pass(restMs - 1);
      expect(turns).toEqual([0]);
      await pass(1);
      expect(turns).toEqual([0, 0]);
    }
  });

  it("go on where a reader is not heard of any more, and where its pass is gone", async () => {
    const { next, turns, pass } = aLine();
    void next(0);
    void next(1);
    void next(100);
    await settled();
    expect(turns).toEqual([0, "no 100"]);
    await pass(LEASE_MS);
    expect(turns).toEqual([0, "no 100", 1]);
  });
});
