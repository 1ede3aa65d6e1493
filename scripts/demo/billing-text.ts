/**
 * What became of the statements, as lines for people.
 */
import type { BillingResult } from "./billing.ts";

const MICROS = 1_000_000;
/** Of what the verifier says: the table has one line for each forgery. */
const SAID_MAX = 96;

export function billingLines(result: BillingResult): string[] {
  const { statements, accepted, billed, packed, verified, forgedOf, forged, verifiedAgain } = result;
  const issued = statements.map((one) => {
    const name = `${one.kind === "credit_note" ? "credit note" : "statement"} ${one.number}`;
    const period = `${one.from.slice(0, 10)} to ${one.to.slice(0, 10)}`;
    const parts = `${euros(one.spendMicros)} and adjustments of ${euros(one.adjustmentsMicros)}`;
    return `  ${one.advertiserId}  ${name.padEnd(13)} ${period}  ${String(one.valid).padStart(5)} valid clicks, ${parts}: ${one.due} ${one.currency}`;
  });
  const differing = billed.filter(({ truthMicros, billedMicros }) => truthMicros !== billedMicros);
  const failed = (all: BillingResult["verified"]) => all.filter(({ code }) => code !== 0);
  const first = verified[0]?.said.split("\n\n", 1)[0]?.split("\n") ?? [];
  return [
    "Once the next day is clean too, in which this one was mended, statements of all advertisers are issued; then",
    `${accepted} late clicks are accepted, which the next statements adjust:`,
    ...issued,
    differing.length === 0
      ? "What they bill is what the truth says, to the micro."
      : `They do not bill what the truth says: ${differing.map(spelledDifference).join(", ")}.`,
    "",
    `A stranger installs ${packed.name} (${Math.round(packed.bytes / 1_000)} kB) in an empty folder, with a key of scope bill. It says:`,
    ...first.map((line) => `  ${line}`),
    ...verdictOf("All statements of all advertisers and of a publisher", verified.length, failed(verified)),
    "",
    `Each part of the statements of ${forgedOf} is forged once in the archive, and the stranger asks again:`,
    ...forged.map(({ part, what, code, said }) => {
      const found = code === 0 ? "NOT FOUND" : shortened(said);
      return `  ${part.padEnd(18)} ${what.padEnd(24)} ${code}  ${found}`;
    }),
    ...verdictOf("All is brought back, and all statements", verifiedAgain.length, failed(verifiedAgain)),
  ];
}

function verdictOf(what: string, count: number, failed: BillingResult["verified"]): string[] {
  if (failed.length === 0) return [`${what} are verified (of ${count} tenants).`];
  return failed.map(({ tenantId, said }) => `${what} are not verified, of ${tenantId}: ${said}`);
}

function spelledDifference({ advertiserId, truthMicros, billedMicros }: BillingResult["billed"][number]): string {
  return `${advertiserId} ${truthMicros} ≠ ${billedMicros}`;
}

/** The first line, with hashes and names of objects no longer than one can read. */
function shortened(said: string): string {
  const line = said
    .split("\n", 1)[0]
    ?.replace(/[0-9a-f]{64}/g, (hash) => `${hash.slice(0, 8)}…`)
    .replace(/(evidence|statements|evidence-log)\/v1\/(adv=[^/]+\/)?/g, "")
    .replace(/^NOT VERIFIED: |^Not checked: /, "");
  return line === undefined || line.length <= SAID_MAX ? (line ?? "") : `${line.slice(0, SAID_MAX - 1)}…`;
}

function euros(micros: string): string {
  return `€${(Number(micros) / MICROS).toFixed(2)}`;
}
