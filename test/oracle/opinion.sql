-- An independent opinion on the archive, for DuckDB: what the raw lines say, decided and added up again from what the
-- documents promise (docs/STORAGE.md, METHODOLOGY.md, TOKENS.md, CONVERSIONS.md). It shares no code with the Worker.
--
--   SET VARIABLE raw = '…/raw/v1';                 a copy of the bucket's objects under raw/v1, with their names
--   SET VARIABLE late_mode = 'review';             `settings.latePolicy` of /.well-known/ad-measurement.json
--   SET VARIABLE allowed_lateness_s = 30;
--
--   disputes   (place, event, what)                every line that says something else than what is decided here
--   figures    (advertiser … ad format, minute → counts and micros)
--   reasons    (advertiser … ad, minute, reason → requests)
--
-- Taken from the lines, since the documents do not hold the lists: what the rules on agents and networks say. Where an
-- agent is one of those that no list leaves open, it is decided here. Signatures are not verified: the keys are secret.

-- Text of base64url. A payload's numbers are JSON's: an integer may be written 1e3.
CREATE MACRO text_of(segment) AS decode(from_base64(
  replace(replace(segment, '-', '+'), '_', '/') || repeat('=', ((4 - length(segment) % 4) % 4)::INTEGER)));
CREATE MACRO minute_of(ms) AS (ms::BIGINT // 60000);
CREATE MACRO start_of_token(token) AS split_part(token, '.', 1) || '.' || split_part(token, '.', 2);
-- The time of receipt in an event id: 42 bits behind a mark, seven characters of an alphabet in the order of ASCII.
CREATE MACRO received_in(id) AS list_sum(list_transform(range(1, 8), lambda n:
  (strpos('-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz', substr(id, n::INTEGER + 1, 1)) - 1)
    * (64 ** (7 - n))::BIGINT))::BIGINT;
CREATE MACRO field_of(click_id, n) AS split_part(click_id, '~', n);
-- Dimensions end where the id's do; the last field is the signature.
CREATE MACRO dimension_of(click_id, n) AS
  CASE WHEN n < length(click_id) - length(replace(click_id, '~', '')) + 1 THEN field_of(click_id, n) ELSE '' END;
CREATE MACRO device_of(letter) AS
  CASE letter WHEN 'd' THEN 'desktop' WHEN 'm' THEN 'mobile' WHEN 'b' THEN 'tablet' WHEN 't' THEN 'tv' ELSE 'other' END;
CREATE MACRO clicked_minute(click_id) AS
  minute_of(received_in(field_of(click_id, 3))) + coalesce(TRY_CAST(field_of(click_id, 4) AS BIGINT), 0);

-- The lines, in the order of each shard's log.
CREATE TABLE lines AS
SELECT
  regexp_extract(filename, 'shard=([^/]+)/', 1) AS shard,
  regexp_extract(filename, '/([^/]+)-\d+\.ndjson\.gz$', 1) AS incarnation,
  (json ->> '$.seq')::BIGINT AS seq,
  (json ->> '$.logged_at_ms')::BIGINT AS logged_at_ms,
  row_number() OVER () AS line,
  (json ->> '$.event.type') AS type,
  (json ->> '$.event.id') AS event,
  (json ->> '$.verdict') AS verdict,
  (json ->> '$.reason') AS reason,
  (json ->> '$.event.received_at_ms')::BIGINT AS received_at_ms,
  json
FROM read_ndjson_objects(getvariable('raw') || '/**/*.ndjson.gz', filename = true, compression = 'gzip');

CREATE TABLE token_lines AS
WITH opened AS MATERIALIZED (
  SELECT lines.*, (json -> '$.event') AS record, text_of(split_part((json ->> '$.event.token'), '.', 2))::JSON AS claims
  FROM lines
  WHERE type IN ('click', 'impression')
)
SELECT
  * EXCLUDE (json, record, claims),
  row_number() OVER (PARTITION BY shard ORDER BY logged_at_ms, incarnation, seq, line) AS place,
  CASE
    WHEN (json -> '$.revision') IS NOT NULL THEN 'revision'
    WHEN (json -> '$.review') IS NOT NULL THEN 'review'
    ELSE 'decision'
  END AS said,
  (json ->> '$.revision.n')::BIGINT AS revision,
  (json ->> '$.revision.from.verdict') AS from_verdict,
  (json ->> '$.revision.from.reason') AS from_reason,
  (json ->> '$.joins.to') AS joins,
  (json ->> '$.joins.occurred_at_ms')::BIGINT AS joins_occurred_at_ms,
  coalesce((json ->> '$.joins.country'), '') AS joins_country,
  (json ->> '$.joins.device') AS joins_device,
  (record ->> '$.token') AS token,
  (record ->> '$.occurred_at_ms')::BIGINT AS occurred_at_ms,
  (record ->> '$.method') AS method,
  (record ->> '$.count')::BIGINT AS requests,
  coalesce((record ->> '$.country'), '') AS country,
  (record ->> '$.device') AS device,
  (record ->> '$.user_agent') AS user_agent,
  (record ->> '$.asn')::BIGINT AS asn,
  NOT (record ->> '$.gpc')::BOOLEAN
    AND ((claims ->> '$.uid') IS NOT NULL OR coalesce(length(record ->> '$.user_hash'), 0) = 16) AS has_user,
  (claims ->> '$.adv') AS advertiser_id,
  (claims ->> '$.cmp') AS campaign_id,
  coalesce((claims ->> '$.grp'), '') AS ad_group_id,
  (claims ->> '$.ad') AS ad_id,
  (claims ->> '$.pub') AS publisher_id,
  coalesce((claims ->> '$.crt'), '') AS creative_id,
  coalesce((claims ->> '$.plc'), '') AS placement_id,
  coalesce((claims ->> '$.fmt'), '') AS ad_format,
  (claims ->> '$.jti') AS jti,
  (claims ->> '$.iat')::DOUBLE AS iat,
  (claims ->> '$.exp')::DOUBLE AS exp,
  (claims ->> '$.cpc')::DOUBLE::BIGINT AS cpc_micros,
  coalesce((claims ->> '$.tst')::DOUBLE, 0) = 1 AS is_test,
  -- The identity that is billed once: the type of the event, advertiser, ad, publisher, jti and iat.
  {'t': type, 'adv': advertiser_id, 'ad': ad_id, 'pub': publisher_id, 'jti': jti, 'iat': iat} AS impression
FROM opened;

-- What a log gave up, since another shard owns it: its lines there add up to nothing, and its owner's are judged.
CREATE TABLE withdrawn AS
SELECT shard, event, max(place) AS place
FROM token_lines
WHERE said = 'revision' AND verdict = 'deferred'
GROUP BY shard, event;

-- What the rules say of an event before anybody asks whether its impression is taken.
CREATE TABLE judged AS
WITH named AS MATERIALIZED (
  SELECT
    *,
    received_at_ms > exp * 1000 AS is_expired,
    CASE
      WHEN regexp_matches(user_agent, '(?i)facebookexternalhit|twitterbot|slackbot|telegrambot|discordbot|linkedinbot')
        THEN 'link_preview'
      WHEN user_agent = '' OR regexp_matches(user_agent, '(?i)^(curl|wget|python-requests|okhttp|go-http-client|java)/')
        THEN 'non_browser_agent'
      WHEN regexp_matches(user_agent, '(?i)\b(googlebot|bingbot|ahrefsbot|semrushbot)\b') THEN 'declared_crawler'
    END AS certain,
    CASE WHEN reason IN ('link_preview', 'non_browser_agent', 'declared_crawler', 'data_centre_network')
      THEN reason END AS listed
  FROM token_lines ANTI JOIN withdrawn USING (shard, event)
)
SELECT
  *,
  CASE
    WHEN is_test THEN 'test'
    WHEN is_expired THEN 'expired_token'
    WHEN method = 'HEAD' THEN 'head_request'
    WHEN coalesce(certain, listed) IS NOT NULL THEN coalesce(certain, listed)
    WHEN type = 'click' AND iat <> floor(iat) AND received_at_ms - floor(iat * 1000) BETWEEN 0 AND 299 THEN 'too_fast'
  END AS invalid_reason,
  received_at_ms - (minute_of(occurred_at_ms) + 1) * 60000 > getvariable('allowed_lateness_s') * 1000 AS is_late
FROM named
-- What comes back after its keys are forgotten is deferred once more, which says nothing new of the event.
QUALIFY verdict <> 'deferred' OR said <> 'decision' OR row_number() OVER (PARTITION BY event ORDER BY logged_at_ms, place) = 1;

-- One line after the other: whether the impression is taken before it, and what was said of the event so far.
CREATE TABLE followed AS
WITH known AS MATERIALIZED (
  SELECT
    *,
    lag(verdict) OVER each_event AS before_verdict,
    lag(reason) OVER each_event AS before_reason,
    coalesce(lag(revision) OVER each_event, 0) AS before_revision,
    row_number() OVER each_event AS nth,
    count(*) FILTER (said = 'decision') OVER each_event AS decisions,
    count(*) FILTER (said = 'review') OVER each_event AS reviews
  FROM judged
  WINDOW each_event AS (PARTITION BY event ORDER BY logged_at_ms, place)
)
SELECT
  *,
  coalesce(sum((verdict = 'valid')::INTEGER - (before_verdict IS NOT DISTINCT FROM 'valid')::INTEGER) OVER (
    PARTITION BY impression ORDER BY logged_at_ms, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ), 0) > 0 AS is_taken,
  count(*) FILTER (said = 'decision' AND verdict = 'late' AND joins IS NULL) OVER (
    PARTITION BY impression, start_of_token(token) ORDER BY logged_at_ms, place
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ) AS late_before
FROM known;

-- What each line should say. A late click beyond the eight of its token that wait apart may go the way of those.
CREATE TABLE decided AS
SELECT
  *,
  CASE
    WHEN said = 'decision' AND verdict = 'deferred' THEN verdict
    WHEN said = 'decision' AND invalid_reason IS NOT NULL THEN 'invalid'
    WHEN said = 'decision' AND is_late AND getvariable('late_mode') = 'review' THEN
      CASE WHEN late_before >= 8 AND (verdict = 'duplicate' OR reason = 'late_rejected') THEN verdict ELSE 'late' END
    WHEN said = 'decision' THEN CASE WHEN is_taken THEN 'duplicate' ELSE 'valid' END
    WHEN said = 'review' AND verdict = 'invalid' THEN 'invalid'
    WHEN said = 'review' THEN CASE WHEN is_taken THEN 'duplicate' ELSE 'valid' END
    -- Who is valid already holds the claim that is taken.
    WHEN verdict = 'valid' AND is_taken AND before_verdict <> 'valid' THEN 'duplicate'
    ELSE verdict
  END AS right_verdict,
  CASE
    WHEN said = 'revision' THEN reason
    WHEN right_verdict = 'deferred' THEN 'key_table_dropped'
    WHEN right_verdict = 'duplicate' THEN 'same_impression'
    WHEN right_verdict = 'late' THEN 'late'
    WHEN right_verdict = 'invalid' AND said = 'decision' THEN coalesce(invalid_reason, 'late_rejected')
    WHEN right_verdict = 'invalid' THEN 'late_rejected'
    WHEN said = 'review' OR is_late THEN 'late_accepted'
  END AS right_reason
FROM followed;

-- What a line moves: it adds its own verdict, and a review or a revision takes the one before away.
CREATE TABLE moves AS
WITH placed AS (
  SELECT
    decided.* EXCLUDE (country, device, occurred_at_ms),
    coalesce(first.joins_occurred_at_ms, decided.occurred_at_ms) AS occurred_at_ms,
    CASE WHEN first.joins IS NULL THEN decided.country ELSE first.joins_country END AS country,
    coalesce(first.joins_device, decided.device) AS device
  FROM decided
  LEFT JOIN decided AS first ON first.event = decided.event AND first.said = 'decision' AND first.nth = 1
),
moved AS (
  SELECT 1 AS sign, right_verdict AS to_verdict, right_reason AS to_reason, * FROM placed
  UNION ALL
  SELECT -1, CASE said WHEN 'review' THEN 'late' ELSE from_verdict END,
    CASE said WHEN 'review' THEN 'late' ELSE from_reason END, *
  FROM placed
  WHERE said <> 'decision'
)
SELECT
  *,
  minute_of(CASE WHEN is_expired THEN received_at_ms ELSE occurred_at_ms END) AS minute,
  (to_verdict = 'valid')::BIGINT AS valid,
  CASE to_verdict WHEN 'valid' THEN requests - 1 WHEN 'duplicate' THEN requests ELSE 0 END AS repeated
FROM moved
WHERE to_verdict <> 'deferred';

-- Conversions: each line takes away what the order was credited before, and adds what it is credited from here on.
CREATE TABLE credits AS
WITH signed AS (
  SELECT lines.*, -1 AS sign, (json -> '$.prior') AS credit FROM lines WHERE type = 'conversion'
  UNION ALL
  SELECT lines.*, 1, (json -> '$.next') FROM lines WHERE type = 'conversion'
)
SELECT
  sign, event, reason,
  (credit ->> '$.click_id') AS click_id,
  (credit ->> '$.value_micros')::BIGINT AS value_micros,
  minute_of((credit ->> '$.occurred_at_ms')::BIGINT) AS occurred_minute
FROM signed
WHERE (credit ->> '$.click_id') IS NOT NULL;

CREATE TABLE order_lines AS
WITH named AS MATERIALIZED (
  SELECT
    *,
    (json ->> '$.event.click_id') AS click_id,
    (json ->> '$.event.action') AS action,
    {
      'adv': field_of(click_id, 6), 'kind': json ->> '$.event.kind', 'id': json ->> '$.event.order_id',
      'click': CASE WHEN (json ->> '$.event.order_id') IS NULL THEN field_of(click_id, 3) END
    } AS placed_order,
    (json ->> '$.event.occurred_at_ms')::BIGINT AS occurred_at_ms,
    (json ->> '$.event.window_days')::BIGINT AS window_days,
    (json ->> '$.prior.click_id') AS prior_click,
    (json ->> '$.prior.value_micros')::BIGINT AS prior_micros,
    (json ->> '$.next.click_id') AS next_click,
    (json ->> '$.next.value_micros')::BIGINT AS next_micros,
    reason IN ('outside_window', 'test', 'same_order') AS is_unmoved
  FROM lines
  WHERE type = 'conversion'
),
chained AS (
  SELECT
    *,
    last_value(CASE WHEN NOT coalesce(is_unmoved, false) THEN coalesce(next_click, '') END IGNORE NULLS)
      OVER before AS known_click,
    last_value(CASE WHEN NOT coalesce(is_unmoved, false) THEN coalesce(next_micros, -1) END IGNORE NULLS)
      OVER before AS known_micros
  FROM named
  WINDOW before AS (
    PARTITION BY placed_order ORDER BY logged_at_ms, incarnation, seq, line
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
)
SELECT
  *,
  CASE
    WHEN field_of(click_id, 5) = 't' THEN 'test'
    WHEN occurred_at_ms - clicked_minute(click_id) * 60000 > window_days * 86400000 THEN 'outside_window'
    WHEN coalesce(known_click, '') <> '' AND (clicked_minute(click_id), field_of(click_id, 3))
      <= (clicked_minute(known_click), field_of(known_click, 3)) THEN 'same_order'
    WHEN coalesce(known_click, '') <> '' THEN 'later_click'
  END AS right_reason
FROM chained;

CREATE TABLE disputes AS
SELECT shard || '/' || seq AS place, event, 'is ' || verdict || coalesce(': ' || reason, '') || ', and should be ' ||
  right_verdict || coalesce(': ' || right_reason, '') AS what
FROM decided
WHERE (verdict, coalesce(reason, '')) <> (right_verdict, coalesce(right_reason, ''))
UNION ALL
SELECT shard || '/' || seq, event, 'is decided ' || decisions || ' times'
FROM decided WHERE said = 'decision' AND decisions > 1
UNION ALL
SELECT shard || '/' || seq, event, 'is reviewed, and was ' || coalesce(before_verdict, 'never logged') || ' before'
FROM decided WHERE said = 'review' AND (before_verdict IS DISTINCT FROM 'late' OR reviews > 1)
UNION ALL
SELECT shard || '/' || seq, event, 'is revised as number ' || revision || ' from ' || from_verdict || ', and was ' ||
  coalesce(before_verdict, 'never logged') || ' by number ' || before_revision
FROM decided
WHERE said = 'revision' AND (revision <> before_revision + 1 OR from_verdict IS DISTINCT FROM before_verdict
  OR from_reason IS DISTINCT FROM before_reason)
UNION ALL
SELECT shard || '/' || seq, event, 'is given up as ' || from_verdict || ', and was ' || coalesce(before, 'never logged')
FROM (SELECT *, lag(verdict) OVER (PARTITION BY shard, event ORDER BY place) AS before FROM token_lines)
WHERE said = 'revision' AND verdict = 'deferred' AND from_verdict IS DISTINCT FROM before
UNION ALL
SELECT shard || '/' || place, event, 'is given up, and no other log has it'
FROM withdrawn
WHERE NOT EXISTS (FROM judged WHERE judged.event = withdrawn.event)
UNION ALL
SELECT shard || '/' || seq, event, 'joins ' || joins || ', which is no late click of its token, time and place'
FROM decided
WHERE joins IS NOT NULL AND NOT EXISTS (
  FROM decided AS other
  WHERE other.event = decided.joins AND other.said = 'decision' AND other.verdict = 'late'
    AND start_of_token(other.token) = start_of_token(decided.token)
    AND other.occurred_at_ms = decided.joins_occurred_at_ms
    AND other.country = decided.joins_country AND other.device = decided.joins_device
)
UNION ALL
SELECT shard || '/' || seq, event, 'is reviewed as ' || requests || ' clicks, and ' || waiting || ' had waited'
FROM (
  SELECT decided.*, (
    SELECT sum(other.requests) FROM decided AS other
    WHERE other.said = 'decision' AND (other.event = decided.event OR other.joins = decided.event)
      AND other.logged_at_ms <= decided.logged_at_ms
  ) AS waiting
  FROM decided WHERE said = 'review'
)
WHERE requests IS DISTINCT FROM waiting
UNION ALL
-- Every impression that has a duplicate has its valid event.
SELECT any_value(shard), any_value(event), 'is a duplicate of nothing valid'
FROM (SELECT *, row_number() OVER (PARTITION BY event ORDER BY logged_at_ms DESC, place DESC) AS last FROM decided)
WHERE last = 1
GROUP BY impression
HAVING count(*) FILTER (verdict = 'duplicate') > 0 AND count(*) FILTER (verdict = 'valid') = 0
UNION ALL
SELECT shard || '/' || seq, event, 'takes a credit that its order does not have'
FROM order_lines
WHERE NOT coalesce(is_unmoved, false)
  AND (coalesce(prior_click, ''), coalesce(prior_micros, -1)) <> (coalesce(known_click, ''), coalesce(known_micros, -1))
UNION ALL
SELECT shard || '/' || seq, event, 'is credited: ' || coalesce(reason, 'plainly') || ', and should be: ' ||
  coalesce(right_reason, 'plainly')
FROM order_lines
WHERE action = 'record' AND coalesce(reason, '') <> coalesce(right_reason, '');

CREATE TABLE figures AS
WITH counted AS (
  SELECT
    advertiser_id, campaign_id, ad_group_id, ad_id, publisher_id, country, device, creative_id, placement_id, ad_format,
    minute,
    CASE type WHEN 'impression' THEN sign * valid ELSE 0 END AS impressions,
    CASE type WHEN 'impression' THEN sign * requests ELSE 0 END AS gross_impressions,
    CASE type WHEN 'click' THEN sign ELSE 0 END AS clicked,
    clicked * valid AS clicks,
    clicked * requests AS gross_clicks,
    clicked * repeated AS duplicate_clicks,
    CASE to_verdict WHEN 'invalid' THEN clicked * requests ELSE 0 END AS invalid_clicks,
    CASE to_verdict WHEN 'late' THEN clicked * requests ELSE 0 END AS late_clicks,
    CASE WHEN to_reason IN ('head_request', 'link_preview', 'non_browser_agent', 'declared_crawler',
      'data_centre_network', 'too_fast') THEN clicked * requests ELSE 0 END AS givt_clicks,
    clicked * valid * has_user::BIGINT AS clicks_with_user,
    clicked * valid * cpc_micros AS spend_micros,
    0 AS conversions, 0 AS conversions_by_time, 0 AS conversion_value_micros, 0 AS conversion_value_by_time_micros
  FROM moves
  UNION ALL
  SELECT
    (json ->> '$.event.advertiser_id'), (json ->> '$.event.campaign_id'), coalesce((json ->> '$.event.ad_group_id'), ''),
    (json ->> '$.event.ad_id'), (json ->> '$.event.publisher_id'), coalesce((json ->> '$.event.country'), ''),
    (json ->> '$.event.device'), coalesce((json ->> '$.event.creative_id'), ''),
    coalesce((json ->> '$.event.placement_id'), ''), coalesce((json ->> '$.event.ad_format'), ''),
    minute_of((json ->> '$.event.minute_at_ms')::BIGINT),
    (json ->> '$.event.impressions')::BIGINT, (json ->> '$.event.gross_impressions')::BIGINT,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM lines
  WHERE type = 'impression_counts'
  UNION ALL
  SELECT
    field_of(click_id, 6), field_of(click_id, 7), field_of(click_id, 8), field_of(click_id, 9), field_of(click_id, 10),
    field_of(click_id, 11), device_of(field_of(click_id, 12)), dimension_of(click_id, 13), dimension_of(click_id, 14),
    dimension_of(click_id, 15), minute, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    in_click, in_time, in_click * value_micros, in_time * value_micros
  FROM (
    SELECT *, clicked_minute(click_id) AS minute, sign AS in_click, 0 AS in_time FROM credits
    UNION ALL
    SELECT *, occurred_minute, 0, sign FROM credits
  )
)
SELECT
  advertiser_id, campaign_id, ad_group_id, ad_id, publisher_id, country, device, creative_id, placement_id, ad_format,
  minute,
  sum(impressions)::HUGEINT AS impressions, sum(gross_impressions)::HUGEINT AS gross_impressions,
  sum(clicks)::HUGEINT AS clicks, sum(gross_clicks)::HUGEINT AS gross_clicks,
  sum(duplicate_clicks)::HUGEINT AS duplicate_clicks, sum(invalid_clicks)::HUGEINT AS invalid_clicks,
  sum(late_clicks)::HUGEINT AS late_clicks, sum(givt_clicks)::HUGEINT AS givt_clicks,
  sum(clicks_with_user)::HUGEINT AS clicks_with_user, sum(conversions)::HUGEINT AS conversions,
  sum(conversions_by_time)::HUGEINT AS conversions_by_time, sum(spend_micros)::HUGEINT AS spend_micros,
  sum(conversion_value_micros)::HUGEINT AS conversion_value_micros,
  sum(conversion_value_by_time_micros)::HUGEINT AS conversion_value_by_time_micros
FROM counted
GROUP BY ALL;

CREATE TABLE reasons AS
WITH told AS (
  SELECT
    advertiser_id, campaign_id, ad_group_id, ad_id, minute,
    CASE type WHEN 'impression' THEN 'impression.' ELSE '' END || to_reason AS reason,
    sign * CASE to_verdict WHEN 'valid' THEN 1 ELSE requests END AS requests
  FROM moves WHERE to_reason IS NOT NULL
  UNION ALL
  SELECT advertiser_id, campaign_id, ad_group_id, ad_id, minute,
    CASE type WHEN 'impression' THEN 'impression.' ELSE '' END || 'same_impression', sign * (requests - 1)
  FROM moves WHERE to_verdict = 'valid'
  UNION ALL
  SELECT field_of(credited, 6), field_of(credited, 7), field_of(credited, 8), field_of(credited, 9), clicked_minute(credited),
    'conversion.' || reason, 1
  FROM (SELECT *, coalesce(next_click, prior_click, click_id) AS credited FROM order_lines)
  WHERE reason IS NOT NULL
  UNION ALL
  SELECT (json ->> '$.event.advertiser_id'), (json ->> '$.event.campaign_id'),
    coalesce((json ->> '$.event.ad_group_id'), ''), (json ->> '$.event.ad_id'),
    minute_of((json ->> '$.event.minute_at_ms')::BIGINT), 'impression.filtered_by_sender',
    (json ->> '$.event.gross_impressions')::BIGINT - (json ->> '$.event.impressions')::BIGINT
  FROM lines WHERE type = 'impression_counts'
)
SELECT advertiser_id, campaign_id, ad_group_id, ad_id, minute, reason, sum(requests)::HUGEINT AS requests
FROM told
GROUP BY ALL
HAVING sum(requests) <> 0;
