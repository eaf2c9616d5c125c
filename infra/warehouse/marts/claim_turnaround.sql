-- How long carriers take: claims by the month in which they were sent, preauthorizations left out.
SELECT
    c.practice_id, v.carrier.id AS carrier_id, v.carrier.name AS carrier_name,
    CAST(date_trunc('month', c.sent_on) AS date) AS sent_month, count(*) AS sent,
    sum(CASE WHEN c.status = 'received' THEN 1 ELSE 0 END) AS answered,
    avg(CASE WHEN c.status = 'received' THEN CAST(date_diff('day', c.sent_on, c.received_on) AS double) END)
        AS average_days,
    max(CASE WHEN c.status = 'received' THEN date_diff('day', c.sent_on, c.received_on) END) AS longest_days,
    sum(CASE WHEN c.status = 'sent' AND date_diff('day', c.sent_on, current_date) > 30 THEN 1 ELSE 0 END)
        AS silent_over_30
FROM current_claims c
LEFT JOIN current_coverages v ON v.practice_id = c.practice_id AND v.id = c.coverage_id
WHERE c.status IN ('sent', 'received') AND c.sent_on IS NOT NULL AND c.type <> 'preauthorization'
GROUP BY c.practice_id, v.carrier.id, v.carrier.name, CAST(date_trunc('month', c.sent_on) AS date)
