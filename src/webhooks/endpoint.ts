/**
 * WebhookEndpoint, the Durable Object of one webhook, named by its id: it reads the outboxes behind its place and
 * delivers what is due (deliver.ts). Cron wakes it every minute, its own alarm when a try is due.
 *
 * Keeps: one run at a time. What it is told to do stands in the table of webhooks, which is read at every run: one that
 * is deleted there forgets everything, one that is not active sends nothing. It is read again before each try.
 */
import { DurableObject } from "cloudflare:workers";
import { ReadScope } from "../access/read-scope.ts";
import { readConfig } from "../config.ts";
import { encodeBase64url } from "../core/base64url.ts";
import { isoSecond } from "../core/time.ts";
import type { EndpointHealth } from "../core/webhook-schedule.ts";
import { Directory, PRIMARY_DATABASE } from "../facts/directory.ts";
import { logFault } from "../log.ts";
import { ringOf } from "../report/ring.ts";
import { type DeliverPorts, deliverDue, resume } from "./deliver.ts";
import { type Delivery, DeliveryLog, type DeliveryState } from "./delivery-log.ts";
import { readEndpoint, secretsInForce, stopEndpoint, type WebhookRow } from "./endpoints-sql.ts";
import { toEventJson } from "./event-json.ts";
import { type OutboxPositions, presentPositions, readOutbox } from "./outbox.ts";
import { webhookSecretsOf } from "./secrets.ts";
import { type Outcome, send } from "./send.ts";

export type DeliveryPage = { readonly deliveries: Delivery[]; readonly health: EndpointHealth };

const TEST_ID_BYTES = 16;

export class WebhookEndpoint extends DurableObject<Env> {
  readonly #log = new DeliveryLog(this.ctx.storage.sql);
  #running: Promise<void> | null = null;

  /** Begins behind what has happened by now; before its row is there, so that nothing older is ever sent. */
  async begin(advertiserId: string | null): Promise<void> {
    this.#log.positions = await presentPositions(await this.#databases({ advertiserId }), Date.now());
  }

  /** Delivers what is due, or joins the run that is under way. */
  async wake(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  /** Forgets everything, its row being gone. */
  async forget(): Promise<void> {
    // The run that is under way may have read the row; it ends before its next try, well or not.
    await Promise.allSettled([this.#running]);
    await this.wake();
  }

  /** Begins anew after a stop; what waits is tried at once. */
  async resume(): Promise<void> {
    resume({ log: this.#log, clock: () => Date.now(), atOnce: (write) => this.ctx.storage.transactionSync(write) });
    await this.ctx.storage.setAlarm(Date.now());
  }

  async deliveries(ask: { before: number; limit: number; state: DeliveryState | null }): Promise<DeliveryPage> {
    return { deliveries: this.#log.page(ask), health: this.#log.health };
  }

  /** Has an event of the log sent once more, now, however its receiver did lately; false where the log has none. */
  async replay(eventId: string): Promise<boolean> {
    const found = this.#log.find(eventId);
    if (found === null) return false;
    this.ctx.storage.transactionSync(() => {
      this.#log.note(eventId, { ...found, state: "waiting", tries: 0, dueAtMs: Date.now() });
      this.#log.health = { ...this.#log.health, notBeforeMs: 0 };
    });
    await this.ctx.storage.setAlarm(Date.now());
    return true;
  }

  /** Sends an event that tells of nothing, now and once; null where there is no such webhook any more. */
  async ping(): Promise<Outcome | null> {
    const row = await this.#row();
    if (row === null) return null;
    const id = `evt_${encodeBase64url(crypto.getRandomValues(new Uint8Array(TEST_ID_BYTES)))}`;
    const event = { id, type: "webhook.test", timestamp: isoSecond(Date.now()), data: { webhookId: row.id } };
    return this.#send(row, { id, body: JSON.stringify({ ...event, cursor: null }) });
  }

  override async alarm(): Promise<void> {
    try {
      await this.wake();
    } catch (fault) {
      // Cron comes within the minute.
      logFault("webhook_not_run", fault);
    }
  }

  async #run(): Promise<void> {
    const row = await this.#row();
    if (row === null) return this.ctx.storage.deleteAll();
    if (row.status !== "active") return;
    const dueMs = await deliverDue(this.#ports(row));
    if (dueMs !== null) await this.ctx.storage.setAlarm(dueMs);
  }

  #ports(row: WebhookRow): DeliverPorts {
    const { id } = row;
    return {
      log: this.#log,
      clock: () => Date.now(),
      atOnce: (write) => this.ctx.storage.transactionSync(write),
      types: row.types,
      take: (positions, limit) => this.#take(row, positions, limit),
      send: async (message) => {
        const present = await this.#row();
        return present?.status === "active" ? this.#send(present, message) : null;
      },
      stop: async (why) => {
        logFault("webhook_stopped", new Error(why), { webhook: id });
        await stopEndpoint(this.env.REPORT_DB, id, why, Date.now());
      },
      warn: (failures) =>
        logFault("webhook_failing", new Error("its receiver takes nothing"), { webhook: id, failures }),
    };
  }

  async #take(row: WebhookRow, positions: OutboxPositions, limit: number) {
    const nowMs = Date.now();
    const ask = { scope: scopeOf(row), limit, nowMs, whenSetBack: "again" } as const;
    const read = await readOutbox(await this.#databases(row), positions, ask);
    if (!read.ok) throw new Error(`events are not read: ${read.error}`);
    const context = { ring: await ringOf(readConfig(this.env)), of: row.advertiserId ?? "", nowMs };
    const events = await Promise.all(read.value.events.map((event) => toEventJson(event, context)));
    return { events, positions: read.value.positions };
  }

  async #send(row: WebhookRow, message: { id: string; body: string }): Promise<Outcome> {
    const nowMs = Date.now();
    const secretOf = await webhookSecretsOf(this.env.ARCHIVE);
    const secrets = secretsInForce(row, nowMs).map((version) => secretOf(row.id, version));
    const { webhookHttpHosts: httpHosts } = readConfig(this.env);
    return send({ httpHosts, fetch: (url, init) => fetch(url, init) }, { url: row.url, secrets }, message, nowMs);
  }

  async #databases({ advertiserId }: Pick<WebhookRow, "advertiserId">): Promise<ReadonlyMap<string, D1Database>> {
    const directory = new Directory(this.env);
    const names = await directory.namesOf(advertiserId === null ? null : [advertiserId]);
    return new Map([PRIMARY_DATABASE, ...names].map((name) => [name, directory.database(name)]));
  }

  #row(): Promise<WebhookRow | null> {
    return readEndpoint(this.env.REPORT_DB, this.ctx.id.name ?? "");
  }
}

/** The events that the webhook's owner may read. */
function scopeOf({ id, advertiserId }: WebhookRow): ReadScope {
  const mintLimits = { advertisers: null, publishers: null, cpcMicrosMax: null };
  return ReadScope.of({ keyId: id, advertiserId, publisherId: null, scopes: new Set(), account: null, mintLimits });
}
