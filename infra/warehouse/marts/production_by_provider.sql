-- What was done, by provider, location and month. Codes that stand for a missed or cancelled visit are no work.
WITH work AS (
    SELECT
        practice_id, location_id, provider_id, CAST(date_trunc('month', performed_on) AS date) AS production_month,
        total_fee.amount AS fee, CAST(0 AS decimal(18, 2)) AS adjusted, 1 AS done
    FROM current_procedures
    WHERE status = 'completed' AND performed_on IS NOT NULL AND code.value NOT IN ('D9986', 'D9987')
    UNION ALL
    SELECT
        practice_id, location_id, provider_id, CAST(date_trunc('month', adjusted_on) AS date) AS production_month,
        CAST(0 AS decimal(18, 2)) AS fee, signed_amount.amount AS adjusted, 0 AS done
    FROM current_adjustments
    WHERE adjusted_on IS NOT NULL
)
SELECT
    practice_id, location_id, provider_id, production_month, sum(done) AS procedures, sum(fee) AS gross_production,
    sum(adjusted) AS adjustments, sum(fee) + sum(adjusted) AS net_production
FROM work
GROUP BY practice_id, location_id, provider_id, production_month
