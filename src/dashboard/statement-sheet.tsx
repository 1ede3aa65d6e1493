/**
 * A statement as it is read and printed.
 *
 * Keeps: amounts are shown with all their digits, as the statement has them; nothing is added up here.
 */
import { pathOf } from "./addresses.ts";
import type { StatementDraft } from "./answers.ts";
import { decimalOf, Writer } from "./figures.ts";
import { isFor } from "./navigation.ts";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

export function numberOf({ number, kind }: { readonly number: number; readonly kind: string }): string {
  return `${kind === "credit_note" ? "Credit note" : "Statement"} ${String(number).padStart(6, "0")}`;
}

const COUNTS = ["gross", "valid", "duplicate", "invalid", "late"] as const;
type Content = Omit<StatementDraft, "draft"> & { readonly draft?: string; readonly issued_at?: string };

type SheetProps = {
  readonly statement: Content;
  readonly viewer: Viewer;
  /** What the API is asked with, for who reads those of several. */
  readonly search?: Readonly<Record<string, string>>;
};

/** A statement as it is printed. */
export function Sheet({ statement, viewer, search = {} }: SheetProps) {
  const { totals, currency, adjustments, credits, issued_at: issuedAt } = statement;
  const writer = new Writer(viewer.locale, viewer.zone);
  return (
    <section class="sheet">
      <h1>{issuedAt === undefined ? `Draft of ${numberOf(statement)}` : numberOf(statement)}</h1>
      <p>
        {statement.advertiser_id ?? statement.publisher_id}, from {statement.from} to {statement.to}, by days of{" "}
        {statement.time_zone}. Amounts are in {currency}.
      </p>
      <p class="due">
        <strong>{`${totals.due} ${currency}`}</strong> {dueTo(statement)}
      </p>
      {statement.advertisers === undefined ? null : (
        <p>
          Earned with {statement.advertisers.length === 0 ? "no advertiser" : statement.advertisers.join(", ")}: those
          of its clicks who pay in {currency}.
        </p>
      )}
      <Lines title="Clicks" lines={statement.lines} writer={writer} />
      {adjustments.length === 0 ? null : (
        <Lines title="Adjustments of earlier statements" lines={adjustments} writer={writer} />
      )}
      <h2>What is due</h2>
      <Table label="What is due" of={["part", "amount"]} numbers={["amount"]}>
        <Sum name={`${writer.count(totals.valid)} valid clicks`} micros={totals.spend_micros} />
        <Sum name="Adjustments" micros={totals.adjustments_micros} />
        {credits.map((credit) => (
          <Sum
            name={`Budget of ${decimalOf(BigInt(credit.budget_micros))}, statement ${credit.statement}`}
            micros={String(-BigInt(credit.credit_micros))}
          />
        ))}
        <Sum name="Carried in from rounding" micros={totals.carried_in_micros} />
        <Sum name="Due, exactly" micros={totals.due_micros} />
        <Sum name="Carried to the next statement" micros={totals.carried_out_micros} />
      </Table>
      <Losses losses={statement.losses} />
      <h2>Evidence</h2>
      <p>Each day's manifest has this SHA-256. What they name adds up to the lines above.</p>
      <Evidence {...{ statement, viewer, search }} />
    </section>
  );
}

function dueTo({ kind, publisher_id: publisherId }: Content): string {
  if (publisherId === undefined) return kind === "credit_note" ? "is due to you" : "is due";
  return kind === "credit_note" ? "is to be paid back" : "is due to the publisher";
}

/** The manifests, to take along; of those that correct an earlier statement, what they replace and why. */
function Evidence({ statement, viewer, search = {} }: SheetProps) {
  const own = statement.evidence.map((one) => ({ ...one, corrects: null }));
  const rows = [...own, ...statement.corrected.map((one) => ({ ...one, corrects: one }))];
  return (
    <Table label="Evidence" of={["UTC day", "revision", "corrects", "SHA-256 of its manifest"]} class="ids">
      {rows.map(({ day, revision, sha256, corrects }) => (
        <tr>
          <th scope="row">
            <a href={`/export${pathOf(`/v1/evidence/${day}`, { ...search, revision: String(revision) })}`} download>
              {day}
            </a>
          </th>
          <td>{revision}</td>
          <td>{corrects === null ? "" : <Cause {...{ day, viewer }} {...corrects} />}</td>
          <td>
            <code>{sha256}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

type CauseProps = {
  readonly day: string;
  readonly viewer: Viewer;
  readonly statement: number;
  readonly revision_before: number | null;
};

/** What a corrected day replaces, and where it stands who moved it: audits and second looks, or what has changed. */
function Cause({ day, viewer, statement, revision_before: before }: CauseProps) {
  const said = `statement ${statement}, ${before === null ? "which had no evidence of it" : `revision ${before}`}`;
  if (isFor("/audits", viewer.kind)) {
    return (
      <>
        {said}: <a href={pathOf("/audits", { day })}>audits of the day</a>, <a href="/second-looks">second looks</a>
      </>
    );
  }
  if (!isFor("/changes", viewer.kind)) return <>{said}</>;
  return (
    <>
      {said}: <a href="/changes">what has changed</a>
    </>
  );
}

type LinesProps = {
  readonly title: string;
  readonly lines: readonly (Content["lines"][number] & { readonly statement?: number })[];
  readonly writer: Writer;
};

function Lines({ title, lines, writer }: LinesProps) {
  const isOfSeveral = lines.some(({ statement }) => statement !== undefined);
  const of = [...(isOfSeveral ? ["statement"] : []), "day", "campaign", ...COUNTS, "amount"];
  return (
    <>
      <h2>{title}</h2>
      {lines.length === 0 ? (
        <p class="nothing">No clicks.</p>
      ) : (
        <Table label={title} of={of} numbers={[...COUNTS, "amount"]}>
          {lines.map((line) => (
            <tr>
              {isOfSeveral ? <td>{line.statement}</td> : null}
              <th scope="row">{line.day}</th>
              <td>{line.campaign_id}</td>
              {COUNTS.map((name) => (
                <td class="number">{writer.count(line[name])}</td>
              ))}
              <td class="number">{decimalOf(BigInt(line.spend_micros))}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function Sum({ name, micros }: { name: string; micros: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{decimalOf(BigInt(micros))}</td>
    </tr>
  );
}

function Losses({ losses }: Pick<Content, "losses">) {
  if (losses.length === 0) return null;
  return (
    <>
      <h2>Accepted as lost</h2>
      <ul>
        {losses.map(({ object, reason }) => (
          <li>
            {reason} (<code>{object}</code>)
          </li>
        ))}
      </ul>
    </>
  );
}
