/**
 * The routes of statements, budgets and evidence (routes.ts).
 */
import { BODY_BYTES_MAX } from "../core/limits.ts";
import type { Route } from "./routes.ts";

const billing = () => import("../billing/app.ts");
const ACT = { needs: "admin", body: { bytesMax: BODY_BYTES_MAX, whenEmpty: {} } } as const;

export const BILLING_ROUTES: readonly Route[] = [
  { method: "GET", path: "/v1/statements", needs: "bill", load: async () => (await billing()).listStatements },
  { method: "GET", path: "/v1/statements/:number", needs: "bill", load: async () => (await billing()).showStatement },
  {
    method: "GET",
    path: "/v1/statements/:number/files/:name",
    needs: "bill",
    load: async () => (await billing()).fileOfStatement,
  },
  { method: "GET", path: "/v1/evidence/secret", needs: "bill", load: async () => (await billing()).leafSecret },
  { method: "GET", path: "/v1/evidence/:day", needs: "bill", load: async () => (await billing()).showManifest },
  {
    method: "GET",
    path: "/v1/evidence/:day/:name",
    needs: "bill",
    load: async () => (await billing()).fileOfEvidence,
  },
  { ...ACT, method: "POST", path: "/v1/admin/statements", load: async () => (await billing()).draft },
  {
    ...{ ...ACT, method: "POST", path: "/v1/admin/statements/:draft/finalize" },
    load: async () => (await billing()).finalize,
  },
  { method: "GET", path: "/v1/admin/budgets", needs: "books", load: async () => (await billing()).listBudgets },
  { ...ACT, method: "POST", path: "/v1/admin/budgets", load: async () => (await billing()).setBudget },
];
