/**
 * Values of examples that no deployment shares: ids and signed texts. A test puts real ones in their place before it
 * sends an example, and these into what comes back.
 */
export const EXAMPLE = {
  token:
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjYtMTEiLCJ0eXAiOiJKV1QifQ." +
    "eyJqdGkiOiJpbXBfMSIsImFkdiI6ImFkdl8xIn0.c2lnbmF0dXJlIG9mIHRoaXMgZXhhbXBsZSBpcyBub25lISE",
  clickId: "2~example-click-id",
  eventId: "0-example-event-id-00000",
  /** A real one, of a log that is the same in each run: the receipt that is shown can be verified. */
  receiptEventId: "0OqV4Y2cuMh3tM8_NqKdR6Gn",
  lateEventId: "0-example-late-event-000",
  keyId: "key_exampleExample01",
  nextKeyId: "key_exampleExample02",
  key: "clk_exampleExampleExampleExampleExampleExample0",
  webhookId: "wh_exampleExample01",
  changeCursor: "example-cursor.example-seal.2026-11",
  deadLetter: "dead/v1/dt=2026-04-20/reason=retries_exhausted/example-0.json",
  logDay: "2026-04-19",
  holdId: "dispute-7",
  lostObject: "raw/v1/dt=2026-04-19/hour=10/shard=clicks-3/example-000000000812.ndjson.gz",
  signature: "example-signature-example-signature-exampl1",
  secret: "example-secret-example-secret-example-secr1",
  kid: "2026-11",
  minute: "2026-04-20T12:00:00Z",
  /** Signed with a key that is no longer there. */
  oldToken:
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMTktMDEiLCJ0eXAiOiJKV1QifQ." +
    "eyJqdGkiOiJpbXBfMSIsImFkdiI6ImFkdl8xIn0.c2lnbmF0dXJlIG9mIHRoaXMgZXhhbXBsZSBpcyBub25lISE",
  replay: "00000000-0000-4000-8000-000000000000",
  erasure: "11111111-1111-4111-8111-111111111111",
  unknownReplay: "ffffffff-ffff-4fff-8fff-ffffffffffff",
  unknownEventId: "0AAAAAAAAAAAAAAAAAAAAAAA",
  postbackSignature: "example-postback-signature-of-43-characters",
} as const;

/** A signed postback: the fields that its signature covers, and the signature. */
export const POSTBACK = {
  click_id: EXAMPLE.clickId,
  kid: EXAMPLE.kid,
  order_id: "P-1",
  value_micros: "4990000",
  sig: EXAMPLE.postbackSignature,
} as const;
