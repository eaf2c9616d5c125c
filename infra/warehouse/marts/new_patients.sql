-- Patients by the month of the first work that was completed for them here.
WITH first_seen AS (
    SELECT practice_id, patient_id, min(performed_on) AS seen_on
    FROM current_procedures
    WHERE status = 'completed' AND performed_on IS NOT NULL AND code.value NOT IN ('D9986', 'D9987')
    GROUP BY practice_id, patient_id
)
SELECT
    f.practice_id, p.location_id, CAST(date_trunc('month', f.seen_on) AS date) AS first_month,
    count(*) AS new_patients
FROM first_seen f
JOIN current_patients p ON p.practice_id = f.practice_id AND p.id = f.patient_id
GROUP BY f.practice_id, p.location_id, CAST(date_trunc('month', f.seen_on) AS date)
