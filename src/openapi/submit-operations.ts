/**
 * Operations by which others submit what they counted: conversions, postbacks, impression counts.
 */
import type { SubmissionReason } from "../problems/catalog.ts";
import { OF_SUBMISSIONS } from "../problems/submissions.ts";
import { EXAMPLE, POSTBACK } from "./example-values.ts";
import { json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems, reasonsOf } from "./problems.ts";
import { PostbackQuery, SecretQuery } from "./submit-schemas.ts";

const COUNT_REASONS: readonly SubmissionReason[] = ["minute_too_old", "minute_in_future", "batch_conflict"];
const LIMIT_REASONS: readonly SubmissionReason[] = ["key_limit_advertiser", "key_limit_publisher"];
const SHARED: readonly SubmissionReason[] = [
  "field_invalid",
  "field_unknown",
  "template_unfilled",
  "rows_invalid",
  "unavailable",
];

const CONVERSION_PROBLEMS = problems(
  ...reasonsOf(OF_SUBMISSIONS).filter((reason) => !COUNT_REASONS.includes(reason)),
  "signature_invalid",
  "field_invalid",
);
const COUNT_PROBLEMS = problems(...SHARED, ...COUNT_REASONS, ...LIMIT_REASONS);
const BODY = [...BODIES, ...problems("method_not_allowed")];

const ORDER = { click_id: EXAMPLE.clickId, order_id: "A-1001", value_micros: 4_990_000 };

export const SUBMIT_OPERATIONS: readonly Operation[] = [
  {
    id: "reportConversions",
    method: "post",
    path: "/v1/conversions",
    tag: "Conversions",
    summary: "Report conversions",
    description:
      "Up to 1 000 rows: an object with `conversions`, a list of rows, or one row. One bad row does not spoil its " +
      "neighbours, and the same row sent again changes nothing.",
    scopes: ["convert"],
    body: { schema: "ConversionRows" },
    answers: { 200: json("One result for each row.", "ConversionResults") },
    problems: [...KEYED, ...BODY, ...CONVERSION_PROBLEMS],
    examples: [
      { name: "order", body: { conversions: [ORDER] }, status: 200 },
      { name: "correction", body: { conversions: [{ ...ORDER, value_micros: -1_000_000 }] }, status: 200 },
      { name: "otherValue", body: { conversions: [{ ...ORDER, value_micros: 9_900_000 }] }, status: 200 },
      { name: "unknownOrder", body: [{ ...ORDER, order_id: "A-1002", retract: true }], status: 200 },
    ],
  },
  {
    id: "sendPostback",
    method: "get",
    path: "/v1/conversions",
    tag: "Conversions",
    summary: "Report one conversion by URL",
    description: "With a key, or signed with the advertiser's secret; as JSON, or as a pixel. HEAD is answered alike.",
    scopes: ["convert"],
    maySign: true,
    query: PostbackQuery,
    answers: {
      200: json("What became of it.", "ConversionResult", { texts: ["image/gif"] }),
    },
    problems: [...KEYED, ...CONVERSION_PROBLEMS],
    examples: [
      {
        name: "lead",
        query: { click_id: EXAMPLE.clickId, type: "lead", order_id: "L-7" },
        status: 200,
      },
      { name: "signed", query: POSTBACK, key: "none", status: 200 },
    ],
  },
  {
    id: "getPostbackSecret",
    method: "get",
    path: "/v1/conversions/secret",
    tag: "Conversions",
    summary: "Show the secret that postbacks are signed with",
    scopes: ["convert"],
    query: SecretQuery,
    answers: { 200: json("The secret in force.", "PostbackSecret") },
    problems: [...KEYED, ...problems("field_invalid", "unavailable", "method_not_allowed")],
    examples: [{ name: "ofAdvertiser", query: { advertiser_id: "adv_1" }, status: 200 }],
  },
  {
    id: "uploadImpressionCounts",
    method: "post",
    path: "/v1/impressions/counts",
    tag: "Impressions",
    summary: "Upload impressions that an ad server counted",
    description: "All rows of a batch or none; a batch id is counted once for each sender.",
    scopes: ["mint"],
    body: { schema: "CountsUpload" },
    answers: { 200: json("What became of the batch.", "CountsAnswer") },
    problems: [...KEYED, ...BODY, ...COUNT_PROBLEMS],
    examples: [
      {
        name: "hour",
        body: {
          batch_id: "2026-04-20T12",
          rows: [
            {
              minute: EXAMPLE.minute,
              ...{ advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: "ad_9", publisher_id: "pub_1" },
              ...{ country: "DE", device: "mobile", impressions: 1_200, gross_impressions: 1_260 },
            },
          ],
        },
        status: 200,
      },
    ],
  },
];
