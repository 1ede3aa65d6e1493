/**
 * What a Worker is driven with to see what it loses: batches are delivered over HTTP by who keeps them (../loss.ts), as a
 * queue keeps what is not acknowledged, and D1 fails as often as is wanted.
 *
 *   POST /bench/deliver {queue, failEvery, messages: [{id, atMs, body}, …]} → {"acknowledged": [id, …], "failed": 12}
 *
 * Keeps: a statement or batch that fails was not applied. `failed` counts since the start.
 */
let failEvery = 0;
let calls = 0;
let failed = 0;

function mayFail(): void {
  if (failEvery === 0 || ++calls % failEvery !== 0) return;
  failed++;
  throw new Error("D1_ERROR: planted");
}

type Real = { readonly real?: D1PreparedStatement };

/** The database, of whose writes some fail. */
export function failingDatabase(database: D1Database): D1Database {
  const statementOf = (real: D1PreparedStatement): D1PreparedStatement => {
    const run = async () => {
      mayFail();
      return real.run();
    };
    const reads = { all: () => real.all(), first: (column: string) => real.first(column), raw: () => real.raw() };
    return { real, ...reads, run, bind: (...values: unknown[]) => statementOf(real.bind(...values)) } as never;
  };
  const batch = async (statements: D1PreparedStatement[]) => {
    mayFail();
    return database.batch(statements.map((statement) => (statement as Real).real ?? statement));
  };
  return { prepare: (query: string) => statementOf(database.prepare(query)), batch } as unknown as D1Database;
}

type Delivery = {
  readonly queue: string;
  readonly failEvery: number;
  readonly messages: readonly { readonly id: string; readonly atMs: number; readonly body: unknown }[];
};

/** Delivers one batch, and says what was acknowledged. */
export async function deliver(request: Request, consume: (batch: MessageBatch) => unknown): Promise<Response> {
  const delivery = (await request.json()) as Delivery;
  failEvery = delivery.failEvery;
  const acknowledged: string[] = [];
  const messages = delivery.messages.map(({ id, atMs, body }) => ({
    ...{ id, body, timestamp: new Date(atMs), attempts: 1 },
    ...{ ack: () => void acknowledged.push(id), retry: () => {} },
  }));
  await consume({ queue: delivery.queue, messages, ackAll() {}, retryAll() {} } as unknown as MessageBatch);
  return Response.json({ acknowledged, failed });
}
