/** `npm run alerts`: writes ops/alerts.yml from the table of alarms. */
import { writeFileSync } from "node:fs";
import { renderAlertRules } from "../src/core/alarms.ts";

writeFileSync("ops/alerts.yml", renderAlertRules());
