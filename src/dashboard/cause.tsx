/**
 * What moved clicks from one verdict to another, in words: a review, an audit or a second look; for who may see that,
 * with the place where it stands.
 *
 * Keeps: a cause that is not known here is shown as it is.
 */
import { pathOf } from "./addresses.ts";
import { isFor } from "./navigation.ts";
import type { Viewer } from "./viewer.ts";

const AUDIT = /^audit\/(\d{4}-\d{2}-\d{2})\/(\d+)$/;
const LOOK = /^replay\/([^/]+)(\/undo)?$/;

type CauseProps = { readonly cause: string | null; readonly viewer: Viewer };

export function Cause({ cause, viewer }: CauseProps) {
  if (cause === null) return <>the log: new to it, or lost</>;
  if (cause === "review") return <>review of late clicks</>;
  const [, day, attempt] = AUDIT.exec(cause) ?? [];
  if (day !== undefined) {
    const said = `audit of ${day}, number ${Number(attempt)}`;
    return <Linked {...{ said, viewer, path: "/audits", search: { day } }} />;
  }
  const [, id, undone] = LOOK.exec(cause) ?? [];
  if (id === undefined) return <bdi>{cause}</bdi>;
  const said = `second look ${id}${undone === undefined ? "" : ", taken back"}`;
  return <Linked {...{ said, viewer, path: "/second-looks", search: { id } }} />;
}

type LinkedProps = {
  readonly said: string;
  readonly viewer: Viewer;
  readonly path: "/audits" | "/second-looks";
  readonly search: Readonly<Record<string, string>>;
};

function Linked({ said, viewer, path, search }: LinkedProps) {
  return isFor(path, viewer.kind) ? <a href={pathOf(path, search)}>{said}</a> : <bdi>{said}</bdi>;
}
