-- Answered claims by carrier and month. Denied are those with evidence; where nothing says, a claim is unexplained.
SELECT
    c.practice_id, v.carrier.id AS carrier_id, v.carrier.name AS carrier_name,
    CAST(date_trunc('month', c.received_on) AS date) AS received_month, count(*) AS received,
    sum(CASE WHEN c.is_denied THEN 1 ELSE 0 END) AS denied,
    sum(CASE WHEN c.is_denied IS NULL THEN 1 ELSE 0 END) AS unexplained,
    CAST(sum(CASE WHEN c.is_denied THEN 1 ELSE 0 END) AS double) / count(*) AS denial_rate
FROM current_claims c
LEFT JOIN current_coverages v ON v.practice_id = c.practice_id AND v.id = c.coverage_id
WHERE c.status = 'received' AND c.received_on IS NOT NULL AND c.type NOT IN ('preauthorization', 'capitation')
GROUP BY c.practice_id, v.carrier.id, v.carrier.name, CAST(date_trunc('month', c.received_on) AS date)
