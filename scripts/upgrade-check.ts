/**
 * `npm run upgrade:check`: whether this version and the one before count the same, side by side and on one state.
 *
 *   npm run upgrade:check -- [--from REF] [--clicks 5000] [--seed 1]
 *
 * Keeps: exit code 0 when no number differs, 1 when one does, 2 when the version before cannot be built or the command
 * cannot be understood.
 */
import { parseOptions } from "./options.ts";
import { checkUpgrade } from "./upgrade/check.ts";
import { lastVersion, thisVersion, VersionError, withVersion } from "./upgrade/versions.ts";

const USAGE = `usage: npm run upgrade:check -- [--from REF] [--clicks N] [--seed N]

  --from REF   the version before (the last tag v*, else HEAD)
  --clicks N   clicks in all, and a part of them again (5000)
  --seed N     of the traffic (1)`;

const SHOWN_MAX = 40;
/** So many requests a second are sent. */
const RATE = 400;

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseOptions({
    options: { from: text, clicks: text, seed: text, help: { type: "boolean" } },
    strict: true,
    allowPositionals: false,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [clicks, seed] = [Number(values.clicks ?? 5_000), Number(values.seed ?? 1)];
  if (!(Number.isInteger(clicks) && clicks > 0 && Number.isInteger(seed) && seed >= 0)) throw new VersionError(USAGE);
  const ref = values.from ?? (await lastVersion());
  const now = await thisVersion();
  const phaseMs = Math.max(4_000, (clicks * 3_000) / RATE / 3);
  const result = await withVersion(ref, (before) => checkUpgrade({ before, now, clicks, seed, phaseMs }));
  const { differences, incomplete } = result;
  for (const { what, truth, report } of differences.slice(0, SHOWN_MAX)) {
    console.log(`${what}: ${truth} in truth, ${report} in the report`);
  }
  for (const phase of incomplete) console.log(`${phase} did not become complete`);
  console.log(
    `${ref} and this version: ${result.clicks} clicks, ${result.again} of them sent again, ${result.orders} orders; ` +
      `${result.compared} numbers compared, ${differences.length} differences.`,
  );
  return differences.length + incomplete.length === 0 ? 0 : 1;
}

process.exitCode = await main().catch((cause: unknown) => {
  const isUsage = (cause as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (isUsage) console.error(`${(cause as Error).message}\n\n${USAGE}`);
  else console.error(cause instanceof VersionError ? cause.message : cause);
  return isUsage || cause instanceof VersionError ? 2 : 1;
});
