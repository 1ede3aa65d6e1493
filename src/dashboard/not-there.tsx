/**
 * The one page for all that is not there: an address that is none, a screen of somebody else, an id of another tenant.
 */
import { sendPage, Trouble } from "./shell.tsx";
import type { Viewer } from "./viewer.ts";

export function notThere(viewer: Viewer): Response {
  return sendPage({
    title: "Not found",
    path: "",
    viewer,
    status: 404,
    sections: [
      <Trouble title="There is nothing here" detail="The address is misspelled, or what it names is not yours.">
        <p>
          <a href="/">Overview</a>
        </p>
      </Trouble>,
    ],
  });
}
