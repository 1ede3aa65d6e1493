/**
 * Ending an advertiser's postback secret, for when it has leaked.
 *
 * Keeps: the secret itself is not shown here: its owner's key shows it (`GET /v1/conversions/secret`). The form names
 * the epoch that ends, so sending it twice ends no newer one.
 */
import type { ApiClient } from "./api-client.ts";
import { Confirm, FormToken, seeOther } from "./forms.tsx";
import { Said } from "./said.tsx";
import type { Act } from "./screens.ts";
import { tenantsPath } from "./tenant-kinds.ts";
import { OVERLAPS, Overlap } from "./tenant-overlap.tsx";
import { tenantsPage } from "./tenants-page.tsx";
import type { Viewer } from "./viewer.ts";

type Props = { readonly advertiserId: string; readonly viewer: Viewer; readonly api: ApiClient };

/** The form, where the API tells the epoch in force. */
export async function SecretForm({ advertiserId, viewer, api }: Props) {
  const answer = await api.get<{ readonly epoch: number }>("/v1/conversions/secret", { advertiser_id: advertiserId });
  if (!answer.ok)
    return (
      <p class="soft">
        Postback secret: <Said text={answer.error.detail} />
      </p>
    );
  return (
    <details class="behind">
      <summary>End the postback secret</summary>
      <p>
        Signed postbacks of this advertiser are taken under the secret of epoch {answer.value.epoch}. When it has
        leaked, end it: the advertiser reads the next one with a key of scope <code>convert</code>.
      </p>
      <form method="post" action="/tenants" class="form">
        <FormToken viewer={viewer} />
        <input type="hidden" name="kind" value="postback-secret" />
        <input type="hidden" name="id" value={advertiserId} />
        <input type="hidden" name="epoch" value={String(answer.value.epoch)} />
        <Overlap label="The old secret is taken" of="secret" />
        <p>
          <button type="submit">End the secret</button>
        </p>
      </form>
    </details>
  );
}

/** Ends it, after asking. */
export const actOnSecret: Act = async ({ viewer, api, form }) => {
  const advertiserId = form.get("id") ?? "";
  const [epoch, overlap] = [form.get("epoch") ?? "", form.get("overlapSeconds") ?? "0"];
  const ask = (problem: Parameters<typeof Confirm>[0]["problem"]) =>
    tenantsPage({
      viewer,
      kind: "advertisers",
      sections: [
        <Confirm
          title={`End the postback secret of ${advertiserId}?`}
          text={`Postbacks signed with it are refused ${OVERLAPS[overlap] ?? "at once"}. This cannot be taken back.`}
          fields={[
            ["kind", "postback-secret"],
            ["id", advertiserId],
            ["epoch", epoch],
            ["overlapSeconds", overlap],
          ]}
          back={{ href: tenantsPath({ kind: "advertisers", id: advertiserId }), label: "Leave it" }}
          {...{ viewer, action: "/tenants", button: "End it", problem: problem ?? null }}
        />,
      ],
    });
  if (form.get("confirmed") !== "yes") return ask(null);
  const path = `/v1/admin/advertisers/${encodeURIComponent(advertiserId)}/postback-secret/revoke`;
  const answer = await api.send("POST", path, { epoch: Number(epoch), overlapSeconds: Number(overlap) });
  if (!answer.ok) return ask(answer.error);
  return seeOther("/tenants", { kind: "advertisers", id: advertiserId, done: "secret" });
};
