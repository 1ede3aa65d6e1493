/**
 * Webhooks: which addresses are told of events, how each is, and what became of its deliveries.
 *
 *   GET  /webhooks                                  GET    /v1/webhooks
 *   GET  /webhooks?id=wh_…&state=failed&before=…    GET    /v1/webhooks/wh_… and its deliveries
 *   POST /webhooks  act=make url=… types=…          POST   /v1/webhooks
 *   POST /webhooks  act=test | rotate | delete …    POST   /v1/webhooks/wh_…/test | rotate, DELETE /v1/webhooks/wh_…
 *   POST /webhooks  act=pause | start               PATCH  /v1/webhooks/wh_…
 *   POST /webhooks  act=replay event=evt_…          POST   /v1/webhooks/wh_…/deliveries/evt_…/replay
 *
 * Keeps: a secret is in the answer that makes it and in no address. Rotating and deleting ask first.
 */
import type { Result } from "../core/result.ts";
import type { ProblemJson } from "../problem.ts";
import { givenIn, pathOf } from "./addresses.ts";
import type { Webhook, WebhookList, WebhookTested, WebhookWithSecret } from "./answers.ts";
import { Curl } from "./behind.tsx";
import { Confirm, Done, Field, FormToken, Refused, seeOther } from "./forms.tsx";
import type { Act, ScreenAsked } from "./screens.ts";
import { type Drawn, type Section, sendPage } from "./shell.tsx";
import { Table } from "./table.tsx";
import { OVERLAPS } from "./tenant-overlap.tsx";
import type { Viewer } from "./viewer.ts";
import { ALL_WEBHOOKS, oneWebhook, WEBHOOK_STATES, WEBHOOKS_API, WEBHOOKS_PATH } from "./webhook-facts.tsx";

const TITLE = "Webhooks";
const DONE: Readonly<Record<string, string>> = {
  started: "It is started; what waits is sent.",
  paused: "It is paused: what happens waits until it is started.",
  replay: "It is sent again within moments.",
  deleted: "The webhook is deleted.",
};

export function drawWebhooks({ asked, viewer, api }: ScreenAsked): Response {
  const { searchParams } = new URL(asked.request.url);
  const id = searchParams.get("id");
  const done = DONE[searchParams.get("done") ?? ""];
  const said = done === undefined ? [] : [<Done>{done}</Done>];
  if (id !== null && id !== "") {
    const query = givenIn(searchParams, ["before", "state"]);
    return page(viewer, <h1>{TITLE}</h1>, ...said, oneWebhook(id, query, { viewer, api }));
  }
  const form = mayHave(viewer) ? [<NewWebhook viewer={viewer} given={null} />] : [];
  return page(viewer, <Head />, ...said, list({ viewer, api }), ...form);
}

/** Whether this key may have webhooks; the list says what it would take. */
function mayHave({ kind, principal }: Viewer): boolean {
  return kind === "operator" || principal.scopes.has("hook");
}

function page(viewer: Viewer, ...sections: Section[]): Response {
  return sendPage({ title: TITLE, path: WEBHOOKS_PATH, viewer, sections });
}

/** Does what a form asks for, or asks whether it is meant. */
export const actOnWebhooks: Act = async (asked) => {
  const { viewer, api, form } = asked;
  const act = form.get("act") ?? "";
  if (act === "make") return make(asked);
  const id = form.get("id") ?? "";
  const path = `${WEBHOOKS_API}/${encodeURIComponent(id)}`;
  const acts: Readonly<Record<string, () => Promise<Response>>> = {
    test: async () => {
      const tested = await api.send<WebhookTested>("POST", `${path}/test`, {});
      const said = tested.ok ? <Tested tested={tested.value} /> : <Refused problem={tested.error} />;
      return page(viewer, <h1>{TITLE}</h1>, said, oneWebhook(id, {}, { viewer, api }));
    },
    pause: async () => then(await api.send("PATCH", path, { status: "paused" }), { id, done: "paused" }),
    start: async () => then(await api.send("PATCH", path, { status: "active" }), { id, done: "started" }),
    replay: async () => {
      const event = encodeURIComponent(form.get("event") ?? "");
      return then(await api.send("POST", `${path}/deliveries/${event}/replay`, {}), { id, done: "replay" });
    },
    rotate: () => rotate(id, asked),
    delete: async () => {
      if (form.get("confirmed") !== "yes") return page(viewer, <SureToDelete id={id} viewer={viewer} />);
      return then(await api.send("DELETE", path, {}), { done: "deleted" });
    },
  };
  const then = (answer: Result<unknown, ProblemJson>, query: Record<string, string>) =>
    answer.ok
      ? seeOther(WEBHOOKS_PATH, query)
      : page(viewer, <h1>{TITLE}</h1>, <Refused problem={answer.error} back={ALL_WEBHOOKS} />);
  const does = Object.hasOwn(acts, act) ? acts[act] : undefined;
  return does === undefined ? seeOther(WEBHOOKS_PATH) : does();
};

async function make({ viewer, api, form }: Parameters<Act>[0]): Promise<Response> {
  const types = form.getAll("types");
  const body = { url: form.get("url") ?? "", description: form.get("description") ?? "", types };
  const made = await api.send<WebhookWithSecret>("POST", WEBHOOKS_API, body);
  if (made.ok) return page(viewer, <Secret webhook={made.value} />);
  const retry = <NewWebhook viewer={viewer} given={form} problem={made.error} />;
  return page(viewer, <Head />, retry, list({ viewer, api }));
}

async function rotate(id: string, { viewer, api, form }: Parameters<Act>[0]): Promise<Response> {
  const overlap = form.get("overlapSeconds") ?? "0";
  const sure = (problem: ProblemJson | null) => (
    <Confirm
      title="Replace its secret?"
      text={`The receiver needs the new one: the old one signs no more ${OVERLAPS[overlap] ?? "at once"}.`}
      fields={[...fieldsOf("rotate", id), ["overlapSeconds", overlap]]}
      back={{ href: pathOf(WEBHOOKS_PATH, { id }), label: "Keep it" }}
      {...{ action: WEBHOOKS_PATH, viewer, problem, button: "Replace the secret" }}
    />
  );
  if (form.get("confirmed") !== "yes") return page(viewer, sure(null));
  const path = `${WEBHOOKS_API}/${encodeURIComponent(id)}/rotate`;
  const rotated = await api.send<WebhookWithSecret>("POST", path, { overlapSeconds: Number(overlap) });
  return page(viewer, rotated.ok ? <Secret webhook={rotated.value} /> : sure(rotated.error));
}

const fieldsOf = (act: string, id: string): (readonly [string, string])[] => [
  ["act", act],
  ["id", id],
];

function SureToDelete({ id, viewer }: { id: string; viewer: Viewer }) {
  return (
    <Confirm
      title="Delete the webhook?"
      text="What waits is sent no more, and its log is gone. Events stay readable over GET /v1/events."
      fields={fieldsOf("delete", id)}
      back={{ href: pathOf(WEBHOOKS_PATH, { id }), label: "Keep it" }}
      {...{ action: WEBHOOKS_PATH, viewer, button: "Delete it" }}
    />
  );
}

function Head() {
  return (
    <>
      <h1>{TITLE}</h1>
      <p>
        Addresses that are told what has happened, signed by Standard Webhooks. A receiver that was away is told
        everything once it is back; <code>GET /v1/events</code> tells the same to whoever asks.
      </p>
    </>
  );
}

async function list({ viewer, api }: Pick<ScreenAsked, "viewer" | "api">): Promise<Drawn> {
  const answer = await api.get<WebhookList>(WEBHOOKS_API);
  if (!answer.ok) return <Refused problem={answer.error} />;
  const { webhooks } = answer.value;
  return (
    <section>
      {webhooks.length === 0 ? (
        <p class="nothing">Nobody is told yet.</p>
      ) : (
        <Table label={TITLE} class="ids" of={["address", "events", "state", "what it is"]}>
          {webhooks.map((webhook) => (
            <Row webhook={webhook} />
          ))}
        </Table>
      )}
      <Curl path={WEBHOOKS_API} />
      {viewer.kind === "operator" ? <p class="soft">The operator’s own. Advertisers have theirs.</p> : null}
    </section>
  );
}

function Row({ webhook: { id, url, types, status, description } }: { webhook: Webhook }) {
  return (
    <tr>
      <th scope="row">
        <a href={pathOf(WEBHOOKS_PATH, { id })}>
          <bdi class="code">{url}</bdi>
        </a>
      </th>
      <td>{types.length === 0 ? "all" : types.join(", ")}</td>
      <td>{WEBHOOK_STATES[status]}</td>
      <td>
        <bdi>{description}</bdi>
      </td>
    </tr>
  );
}

/** Which types there are for whom. */
const TYPES = ["report.moved", "day.reconciled", "statement.issued", "adjustment.created", "budget.reached"] as const;
const TYPES_OF_OPERATOR = ["alarm.raised", "alarm.cleared"] as const;

type NewProps = { readonly viewer: Viewer; readonly given: URLSearchParams | null; readonly problem?: ProblemJson };

function NewWebhook({ viewer, given, problem }: NewProps) {
  const chosen = given?.getAll("types") ?? [];
  const types = [...TYPES, ...(viewer.kind === "operator" ? TYPES_OF_OPERATOR : [])];
  const fault = problem ?? null;
  return (
    <section>
      <h2>New webhook</h2>
      {fault === null ? null : <Refused problem={fault} />}
      <form method="post" action={WEBHOOKS_PATH} class="form">
        <FormToken viewer={viewer} />
        <input type="hidden" name="act" value="make" />
        <Field
          {...{ name: "url", label: "Address", value: given?.get("url") ?? "", isRequired: true, problem: fault }}
          hint="An https address of the public internet by its name, on port 443."
        />
        <Field
          {...{ name: "description", label: "What it is", value: given?.get("description") ?? "", problem: fault }}
        />
        <fieldset>
          <legend>Events; none for all</legend>
          {types.map((type) => (
            <label class="check">
              <input type="checkbox" name="types" value={type} checked={chosen.includes(type)} />
              <span>{type}</span>
            </label>
          ))}
        </fieldset>
        <p>
          <button type="submit">Make it</button>
        </p>
      </form>
    </section>
  );
}

function Secret({ webhook: { id, url, secret } }: { webhook: WebhookWithSecret }) {
  return (
    <section>
      <h1>{TITLE}</h1>
      <Done>
        What is sent to <bdi class="code">{url}</bdi> is signed with this secret. It is shown now and nowhere else.
      </Done>
      <pre class="secret" tabindex={0}>
        <code>{secret}</code>
      </pre>
      <p>
        <a href={pathOf(WEBHOOKS_PATH, { id })}>The webhook</a>
      </p>
    </section>
  );
}

function Tested({ tested: { isDelivered, status, error } }: { tested: WebhookTested }) {
  if (isDelivered) return <Done>The test message was taken: its receiver answered {status}.</Done>;
  return (
    <p class="trouble" role="status">
      The test message was not taken: {error}
      {status === null ? "" : `, answered ${status}`}.
    </p>
  );
}
