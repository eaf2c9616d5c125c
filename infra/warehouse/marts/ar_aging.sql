-- What families owe, by age: all that counts against a family goes to its oldest charge first.
-- Charges are completed work and adjustments above zero; against them count payments of patients, what carriers paid
-- or wrote off on answered claims, and adjustments below zero. Payment plans are left out: see the README.
WITH members AS (
    SELECT practice_id, id AS patient_id, coalesce(guarantor_id, id) AS guarantor_id FROM current_patients
), entries AS (
    SELECT practice_id, patient_id, performed_on AS entered_on, total_fee.amount AS owed, CAST(0 AS decimal(18, 2)) AS paid
    FROM current_procedures
    WHERE status = 'completed'
    UNION ALL
    SELECT practice_id, patient_id, adjusted_on, signed_amount.amount, CAST(0 AS decimal(18, 2))
    FROM current_adjustments
    WHERE effect = 'charge'
    UNION ALL
    SELECT practice_id, patient_id, adjusted_on, CAST(0 AS decimal(18, 2)), -signed_amount.amount
    FROM current_adjustments
    WHERE effect = 'credit'
    UNION ALL
    SELECT practice_id, payer.patient_id, received_on, CAST(0 AS decimal(18, 2)), signed_amount.amount
    FROM current_payments
    WHERE payer.kind = 'patient'
    UNION ALL
    SELECT
        practice_id, patient_id, received_on, CAST(0 AS decimal(18, 2)),
        coalesce(totals.paid.amount, 0) + coalesce(totals.write_off.amount, 0)
    FROM current_claims
    WHERE status = 'received' AND type <> 'preauthorization'
), families AS (
    SELECT
        e.practice_id, m.guarantor_id, sum(e.paid) AS paid,
        sum(CASE WHEN date_diff('day', e.entered_on, current_date) > 90 THEN e.owed ELSE 0 END) AS over_90,
        sum(CASE WHEN date_diff('day', e.entered_on, current_date) BETWEEN 61 AND 90 THEN e.owed ELSE 0 END) AS to_90,
        sum(CASE WHEN date_diff('day', e.entered_on, current_date) BETWEEN 31 AND 60 THEN e.owed ELSE 0 END) AS to_60,
        sum(CASE WHEN coalesce(date_diff('day', e.entered_on, current_date), 0) <= 30 THEN e.owed ELSE 0 END) AS to_30
    FROM entries e
    JOIN members m ON m.practice_id = e.practice_id AND m.patient_id = e.patient_id
    GROUP BY e.practice_id, m.guarantor_id
)
SELECT
    practice_id, guarantor_id, over_90 + to_90 + to_60 + to_30 - paid AS balance,
    greatest(to_30 - greatest(paid - over_90 - to_90 - to_60, 0), 0) AS days_0_30,
    greatest(to_60 - greatest(paid - over_90 - to_90, 0), 0) AS days_31_60,
    greatest(to_90 - greatest(paid - over_90, 0), 0) AS days_61_90,
    greatest(over_90 - paid, 0) AS days_over_90,
    greatest(paid - over_90 - to_90 - to_60 - to_30, 0) AS credit
FROM families
