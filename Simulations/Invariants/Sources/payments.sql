-- I4 always: journals whose debits differ from their credits
SELECT journal, SUM(debit) || ' ' || currency || ' debits, ' || SUM(credit) || ' credits'
FROM audit_ledger GROUP BY journal, currency HAVING SUM(debit) <> SUM(credit)
ORDER BY 1, 2;

-- I2 always: journals of no payment
SELECT DISTINCT journal, 'a journal of no payment'
FROM audit_ledger WHERE payment_id NOT IN (SELECT payment_id FROM audit_payments)
ORDER BY 1;

-- I11 idle: payments whose provider disagrees
SELECT payment_id, status || ': ' || difference
FROM audit_payment_disagreements
ORDER BY 1;

-- I4 always: payments whose refunds do not add up to what they refunded
SELECT payment_id, refunded || ' refunded'
FROM audit_payments AS payment
WHERE refunded <> (
    SELECT COALESCE(SUM(amount), 0) FROM audit_refunds AS refund
    WHERE refund.payment_id = payment.payment_id AND is_done)
ORDER BY 1;
