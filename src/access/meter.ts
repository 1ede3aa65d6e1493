/**
 * A database that counts the rows which are read through it: what D1 itself says, in `meta.rows_read` of each answer.
 *
 * Keeps: answers are the platform's own. What a reading costs is known whatever becomes of the reading.
 */
export type Meter = { rows: number };

type Answered = { readonly meta: { readonly rows_read: number } };

/** The database, whose statements add to the meter. */
export function meteredDatabase(database: D1Database, meter: Meter): D1Database {
  return new Proxy(database, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => meteredStatement(target.prepare(sql), meter);
      if (name === "batch") {
        return async (statements: D1PreparedStatement[]) => {
          const answers = await target.batch(statements);
          for (const answer of answers) count(meter, answer);
          return answers;
        };
      }
      return ownMember(target, name);
    },
  });
}

function meteredStatement(statement: D1PreparedStatement, meter: Meter): D1PreparedStatement {
  return new Proxy(statement, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => meteredStatement(target.bind(...values), meter);
      if (name === "all" || name === "run") {
        return async () => {
          const answer = await target[name]();
          count(meter, answer);
          return answer;
        };
      }
      return ownMember(target, name);
    },
  });
}

function count(meter: Meter, { meta }: Answered): void {
  meter.rows += meta.rows_read;
}

/** A member as the target has it: methods keep the target as theirs. */
function ownMember(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? member.bind(target) : member;
}
