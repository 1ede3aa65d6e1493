/**
 * What a key is, and what can be done with it.
 */
import type { ApiKey } from "./answers.ts";
import { When } from "./behind.tsx";
import type { Writer } from "./figures.ts";
import { FormToken } from "./forms.tsx";
import { tenantsPath } from "./tenant-kinds.ts";
import { Overlap } from "./tenant-overlap.tsx";
import type { Viewer } from "./viewer.ts";

const LIMITS: Readonly<Record<string, string>> = {
  advertisers: "advertisers",
  publishers: "publishers",
  cpcMicrosMax: "highest price in micros",
  hosts: "hosts",
};

export function KeyFacts({ apiKey, writer }: { apiKey: ApiKey; writer: Writer }) {
  const { advertiserId, publisherId, scopes, mint, rotatedFrom, createdAt, revokedAt } = apiKey;
  const ownerKind = advertiserId === null ? "publishers" : "advertisers";
  const ownerId = advertiserId ?? publisherId;
  const limits = Object.entries(mint).filter(([, limit]) => limit !== null);
  return (
    <dl class="facts">
      <dt>Owner</dt>
      <dd>
        {ownerId === null ? (
          "nobody: the operator’s"
        ) : (
          <a href={tenantsPath({ kind: ownerKind, id: ownerId })}>
            <bdi class="code">{ownerId}</bdi>
          </a>
        )}
      </dd>
      <dt>Scopes</dt>
      <dd>{scopes.join(", ")}</dd>
      <dt>Limits on minting</dt>
      <dd>
        {limits.length === 0
          ? "none"
          : limits
              .map(
                ([name, limit]) =>
                  `${LIMITS[name] ?? name}: ${Array.isArray(limit) ? limit.join(", ") : String(limit)}`,
              )
              .join("; ")}
      </dd>
      <dt>Made</dt>
      <dd>
        <When at={createdAt} writer={writer} />
      </dd>
      <dt>Replaces</dt>
      <dd>
        {rotatedFrom === null ? (
          "no other"
        ) : (
          <a href={tenantsPath({ kind: "keys", id: rotatedFrom })}>
            <bdi class="code">{rotatedFrom}</bdi>
          </a>
        )}
      </dd>
      <dt>Ends</dt>
      <dd>{revokedAt === null ? "when it is replaced or revoked" : <When at={revokedAt} writer={writer} />}</dd>
    </dl>
  );
}

/** Replacing and revoking, each of which asks first. */
export function KeyActs({ id, viewer }: { id: string; viewer: Viewer }) {
  const shared = (act: string) => (
    <>
      <FormToken viewer={viewer} />
      <input type="hidden" name="kind" value="keys" />
      <input type="hidden" name="act" value={act} />
      <input type="hidden" name="id" value={id} />
    </>
  );
  return (
    <div class="two">
      <form method="post" action="/tenants" class="form">
        {shared("rotate")}
        <Overlap label="The old key is taken" of="rotate" />
        <p>
          <button type="submit">Replace the key</button>
        </p>
      </form>
      <form method="post" action="/tenants" class="form">
        {shared("revoke")}
        <p>
          <button type="submit" class="quiet">
            Revoke the key
          </button>
        </p>
      </form>
    </div>
  );
}
