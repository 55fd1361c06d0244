-- I5 always: stock that is negative, or of which more is available than on hand
SELECT sku, available || ' available, ' || on_hand || ' on hand'
FROM audit_stock WHERE available < 0 OR on_hand < 0 OR available > on_hand
ORDER BY 1;

-- I5 always: stock whose movements do not add up to the units on hand
SELECT sku, received || ' received, ' || returned || ' returned, ' || corrected || ' corrected, ' || sold || ' sold, '
    || on_hand || ' on hand'
FROM audit_stock WHERE received + returned + corrected - sold <> on_hand
ORDER BY 1;

-- I5 always: stock of which more was sold than received
SELECT sku, sold || ' sold, ' || returned || ' returned, ' || received || ' received, ' || corrected || ' corrected'
FROM audit_stock WHERE sold - returned > received + corrected
ORDER BY 1;

-- I6 idle: stock that is reserved without an order
SELECT sku, on_hand || ' on hand, ' || available || ' available'
FROM audit_stock WHERE available <> on_hand
ORDER BY 1;

-- I6 idle: reservations that were not released
SELECT reservation_id, status
FROM audit_reservations WHERE status = 'held'
ORDER BY 1;
