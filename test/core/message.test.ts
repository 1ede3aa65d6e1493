import { describe, expect, it } from "vitest";
import { MESSAGE_EVENTS_MAX } from "../../src/core/limits.ts";
import { decodeMessage, encodeMessage, openEvent } from "../../src/core/message.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { aClick, anEncodedEvent } from "../support/builders.ts";

describe("a queue message", () => {
  it("gives back its events in order, each with the claims of its token", () => {
    const events = [aClick(), aClick({}, { jti: "imp_2" })];
    const decoded = decodeMessage(encodeMessage(events.map(encodeTokenEvent)));
    expect(decoded.ok && decoded.value.map((opened) => opened.ok && opened.value.event)).toEqual(events);
    expect(decoded.ok && decoded.value.map((opened) => opened.ok && opened.value.claims.jti)).toEqual([
      "imp_1",
      "imp_2",
    ]);
  });

  it("is read as text or as the object that a JSON queue delivers", () => {
    const body = encodeMessage([anEncodedEvent()]);
    expect(decodeMessage(JSON.parse(body))).toEqual(decodeMessage(body));
  });

  it("may hold as many events as its limit and no more", () => {
    const events = Array.from({ length: MESSAGE_EVENTS_MAX }, () => anEncodedEvent());
    const decoded = decodeMessage(encodeMessage(events));
    expect(decoded.ok && decoded.value.length).toBe(MESSAGE_EVENTS_MAX);
    expect(decodeMessage(encodeMessage([...events, anEncodedEvent()]))).toEqual({ ok: false, error: "message_shape" });
  });

  it.each([
    ["text that is not JSON", "{", "message_not_json"],
    ["no text", "", "message_not_json"],
    ["null", null, "message_not_json"],
    ["nothing", undefined, "message_not_json"],
    ["a number", 7, "message_not_json"],
    ["a list", [], "message_version"],
    ["no version", { events: [] }, "message_version"],
    ["a later version", { v: 2, events: [] }, "message_version"],
    ["a version as text", { v: "1", events: [] }, "message_version"],
    ["no events", { v: 1 }, "message_shape"],
    ["an empty list", { v: 1, events: [] }, "message_shape"],
    ["events that are no list", { v: 1, events: {} }, "message_shape"],
  ])("is dead as a whole when it is %s", (_, body, reason) => {
    expect(decodeMessage(body)).toEqual({ ok: false, error: reason });
  });
});

describe("a poisoned event", () => {
  const poison = {
    "of the wrong shape": ['{"v":1}', "event_shape"],
    "that is null": ["null", "event_shape"],
    "that is a text": ['"x"', "event_shape"],
    "whose token has two segments": [anEncodedEvent({ token: "a.b" }), "event_token"],
    "whose token holds a broken claim": [anEncodedEvent({}, { cpc: -1 }), "event_token"],
  } as const;

  it.each(Object.entries(poison))("%s does not hide its neighbours, and is kept as evidence", (_, [text, reason]) => {
    const before = aClick();
    const after = aClick();
    const decoded = decodeMessage(encodeMessage([encodeTokenEvent(before), text, encodeTokenEvent(after)]));
    expect(decoded).toMatchObject({
      ok: true,
      value: [
        { ok: true, value: { event: { id: before.id } } },
        { ok: false, error: { reason, payload: text } },
        { ok: true, value: { event: { id: after.id } } },
      ],
    });
  });

  it("has a payload even when there is nothing", () => {
    expect(openEvent(undefined)).toEqual({ ok: false, error: { reason: "event_shape", payload: "null" } });
  });
});
