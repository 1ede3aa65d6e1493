/** How much each benchmark does: in full, and in small, which proves nothing but that it still runs. */
export const SIZES = {
  full: {
    redirect: { rounds: 6, roundMs: 3_000 },
    ingest: { rounds: 5, calls: 20, messages: 100, events: 10 },
    endToEnd: { rounds: 3, clicks: 60_000, ads: 1_000, bareMs: 3_000 },
    rows: { clicks: 60_000, ads: 1_000, bareMs: 1_000 },
    loss: { clicks: 5_000, kills: 3 },
  },
  small: {
    redirect: { rounds: 1, roundMs: 200 },
    ingest: { rounds: 1, calls: 2, messages: 10, events: 5 },
    endToEnd: { rounds: 1, clicks: 300, ads: 20, bareMs: 200 },
    rows: { clicks: 300, ads: 20, bareMs: 200 },
    loss: null,
  },
} as const;
export type Size = (typeof SIZES)[keyof typeof SIZES];
