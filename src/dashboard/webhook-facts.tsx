/**
 * One webhook: what it is, how its receiver answers, what can be done with it, and its deliveries of 30 days.
 */
import { pathOf } from "./addresses.ts";
import type { DeliveryPage, Webhook, WebhookHealth } from "./answers.ts";
import { Curl, When } from "./behind.tsx";
import { Writer } from "./figures.ts";
import { FormToken, NoSuch, Pages, Refused } from "./forms.tsx";
import type { ScreenAsked } from "./screens.ts";
import type { Drawn } from "./shell.tsx";
import { Table } from "./table.tsx";
import { Overlap } from "./tenant-overlap.tsx";
import type { Viewer } from "./viewer.ts";

export const WEBHOOKS_PATH = "/webhooks";
export const WEBHOOKS_API = "/v1/webhooks";
export const ALL_WEBHOOKS = { href: WEBHOOKS_PATH, label: "All webhooks" } as const;
const LISTED = "50";

export const WEBHOOK_STATES: Readonly<Record<Webhook["status"], string>> = {
  active: "active",
  paused: "paused",
  gone: "stopped: its receiver answered that it is gone",
  failing: "stopped: its receiver took nothing, 20 times in a row",
};

type Of = Pick<ScreenAsked, "viewer" | "api">;

/** `query`: `before` and `state` of its deliveries. */
export async function oneWebhook(id: string, query: Readonly<Record<string, string>>, of: Of): Promise<Drawn> {
  const path = `${WEBHOOKS_API}/${encodeURIComponent(id)}`;
  const [found, deliveries] = await Promise.all([
    of.api.get<WebhookHealth>(path),
    of.api.get<DeliveryPage>(`${path}/deliveries`, { ...query, limit: LISTED }),
  ]);
  if (!found.ok) {
    return <NoSuch problem={found.error} what="webhook" detail="Perhaps it was deleted." back={ALL_WEBHOOKS} />;
  }
  const webhook = found.value;
  const writer = new Writer(of.viewer.locale, of.viewer.zone);
  return (
    <section>
      <h2>
        <bdi class="code">{webhook.url}</bdi>
      </h2>
      <Facts webhook={webhook} writer={writer} />
      <Acts webhook={webhook} viewer={of.viewer} />
      <h2>Deliveries</h2>
      <StateFilter {...{ id, state: query["state"] ?? "" }} />
      {deliveries.ok ? (
        <Deliveries {...{ page: deliveries.value, webhook, query, writer, viewer: of.viewer }} />
      ) : (
        <Refused problem={deliveries.error} back={{ href: pathOf(WEBHOOKS_PATH, { id }), label: "The newest" }} />
      )}
      <Curl path={pathOf(`${path}/deliveries`, query)} />
    </section>
  );
}

function Facts({ webhook, writer }: { webhook: WebhookHealth; writer: Writer }) {
  const { status, types, description, failures, failingSince, oldSecretEndsAt, createdAt } = webhook;
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>{WEBHOOK_STATES[status]}</dd>
      <dt>Failures in a row</dt>
      <dd>
        {writer.count(failures)}
        {failingSince === null ? "" : ", since "}
        {failingSince === null ? null : <When at={failingSince} writer={writer} />}
      </dd>
      <dt>Events</dt>
      <dd>{types.length === 0 ? "all" : types.join(", ")}</dd>
      <dt>What it is</dt>
      <dd>
        <bdi>{description === "" ? "not said" : description}</bdi>
      </dd>
      <dt>Old secret signs until</dt>
      <dd>{oldSecretEndsAt === null ? "there is none" : <When at={oldSecretEndsAt} writer={writer} />}</dd>
      <dt>Made</dt>
      <dd>
        <When at={createdAt} writer={writer} />
      </dd>
    </dl>
  );
}

function Acts({ webhook: { id, status }, viewer }: { webhook: Webhook; viewer: Viewer }) {
  const isActive = status === "active";
  return (
    <>
      <div class="acts">
        <Button {...{ act: "test", id, viewer, label: "Send a test message" }} />
        <Button {...{ act: isActive ? "pause" : "start", id, viewer, label: isActive ? "Pause it" : "Start it" }} />
        <Button {...{ act: "delete", id, viewer, label: "Delete it" }} />
      </div>
      <details class="behind">
        <summary>Replace its secret</summary>
        <form method="post" action={WEBHOOKS_PATH} class="form">
          <Hidden {...{ act: "rotate", id, viewer }} />
          <Overlap label="The old secret signs too" of="rotate" />
          <p>
            <button type="submit">Replace it</button>
          </p>
        </form>
      </details>
    </>
  );
}

type HiddenProps = { readonly act: string; readonly id: string; readonly viewer: Viewer };

function Hidden({ act, id, viewer }: HiddenProps) {
  return (
    <>
      <FormToken viewer={viewer} />
      <input type="hidden" name="act" value={act} />
      <input type="hidden" name="id" value={id} />
    </>
  );
}

function Button({ label, event, ...hidden }: HiddenProps & { readonly label: string; readonly event?: string }) {
  return (
    <form method="post" action={WEBHOOKS_PATH}>
      <Hidden {...hidden} />
      {event === undefined ? null : <input type="hidden" name="event" value={event} />}
      <button type="submit">{label}</button>
    </form>
  );
}

function StateFilter({ id, state }: { id: string; state: string }) {
  return (
    <p class="acts">
      {["", "waiting", "delivered", "failed"].map((one) =>
        one === state ? (
          <strong>{one === "" ? "all" : one}</strong>
        ) : (
          <a href={pathOf(WEBHOOKS_PATH, { id, state: one === "" ? null : one })}>{one === "" ? "all" : one}</a>
        ),
      )}
    </p>
  );
}

type DeliveriesProps = {
  readonly page: DeliveryPage;
  readonly webhook: Webhook;
  readonly query: Readonly<Record<string, string>>;
  readonly writer: Writer;
  readonly viewer: Viewer;
};

function Deliveries({ page: { deliveries, next }, webhook, query, writer, viewer }: DeliveriesProps) {
  const { id, status } = webhook;
  const { before, ...filter } = query;
  if (deliveries.length === 0) return <p class="nothing">There is none.</p>;
  return (
    <>
      <Table
        label="Deliveries"
        class="ids"
        numbers={["tries"]}
        of={["event", "type", "state", "tries", "last", "again"]}
      >
        {deliveries.map(({ eventId, type, state, tries, createdAt, dueAt, lastAt, lastStatus, lastError }) => (
          <tr>
            <th scope="row">
              <bdi class="code">{eventId}</bdi> <When at={createdAt} writer={writer} />
            </th>
            <td>{type}</td>
            <td>
              {state}
              {dueAt === null ? null : (
                <>
                  , next <When at={dueAt} writer={writer} />
                </>
              )}
            </td>
            <td class="number">{writer.count(tries)}</td>
            <td>
              {lastAt === null ? "not tried" : <When at={lastAt} writer={writer} />} {lastStatus ?? ""}{" "}
              {lastError ?? ""}
            </td>
            <td>
              {status === "active" ? (
                <Button {...{ act: "replay", id, viewer, event: eventId, label: "Send again" }} />
              ) : (
                "start it first"
              )}
            </td>
          </tr>
        ))}
      </Table>
      <Pages
        first={before === undefined ? null : pathOf(WEBHOOKS_PATH, { id, ...filter })}
        next={next === null ? null : pathOf(WEBHOOKS_PATH, { id, ...filter, before: String(next) })}
      />
    </>
  );
}
