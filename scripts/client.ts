/**
 * `npm run client`: writes client/schema.d.ts, the types of the OpenAPI document.
 *
 * Keeps: the same document makes the same text, so that a test can compare it with the file.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clientTypes } from "./client-types.ts";
import { PROJECT_ROOT } from "./project.ts";

await writeFile(join(PROJECT_ROOT, "client/schema.d.ts"), await clientTypes());
