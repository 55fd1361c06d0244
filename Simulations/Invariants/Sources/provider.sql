-- I3 always: orders that were captured more than once
SELECT payment.reference, 'captured ' || COUNT(*) || ' times'
FROM audit_provider_ledger AS entry JOIN audit_provider_payments AS payment ON payment.provider_id = entry.provider_id
WHERE entry.kind = 'capture'
GROUP BY payment.reference HAVING COUNT(*) > 1
ORDER BY 1;

-- I7 idle: authorisations that were not voided
SELECT reference, 'money is still authorised'
FROM audit_provider_payments WHERE status = 'authorised'
ORDER BY 1;
