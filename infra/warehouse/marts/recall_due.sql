-- Active patients whose recall is due within 30 days, or was, and who have no visit for it.
SELECT
    r.practice_id, r.id AS recall_id, r.patient_id, p.location_id, r.type.label AS recall_type, r.due_on,
    date_diff('day', r.due_on, current_date) AS days_overdue, r.previous_on
FROM current_recalls r
JOIN current_patients p ON p.practice_id = r.practice_id AND p.id = r.patient_id
WHERE
    p.status = 'active' AND NOT r.is_disabled AND r.scheduled_on IS NULL AND r.due_on IS NOT NULL
    AND date_diff('day', current_date, r.due_on) <= 30
    AND (r.disabled_until IS NULL OR r.disabled_until <= current_date)
