-- I16 always: streams with gaps
SELECT stream, COUNT(*) || ' events up to version ' || MAX(version)
FROM audit_stream_events GROUP BY stream HAVING COUNT(*) <> MAX(version)
ORDER BY 1;

-- I16 always: changes that happened twice
SELECT stream, type || ' ' || COUNT(*) || ' times'
FROM audit_stream_events WHERE type IN ('placed', 'confirmed', 'capture_requested', 'captured')
GROUP BY stream, type HAVING COUNT(*) > 1
ORDER BY 1, 2;

-- I16 always: streams that are missing in the read model
SELECT stream, 'missing in the read model'
FROM (SELECT stream FROM audit_stream_events GROUP BY stream) AS streams
WHERE NOT EXISTS (SELECT 1 FROM audit_orders WHERE order_id = streams.stream)
ORDER BY 1;

-- I9 always: references that several orders have
SELECT MIN(order_id), COUNT(*) || ' orders of ' || reference
FROM audit_orders WHERE reference <> '' GROUP BY reference HAVING COUNT(*) > 1
ORDER BY 1;

-- I9 always: revisions of carts that several orders take
WITH placed AS MATERIALIZED (
    SELECT stream, json_extract(body, '$.placed._0.cartRevision') AS revision
    FROM audit_stream_events WHERE type = 'placed')
SELECT MIN(stream), COUNT(*) || ' orders of ' || revision
FROM placed
WHERE revision IN (SELECT revision FROM placed GROUP BY revision HAVING COUNT(*) > 1) AND NOT EXISTS (
    SELECT 1 FROM audit_stream_events AS later
    WHERE later.stream = placed.stream AND later.type IN ('rejected', 'cancel_requested'))
GROUP BY revision HAVING COUNT(*) > 1
ORDER BY 1;

-- I5 idle: discounts that count as goods
SELECT placed.stream, json_extract(line.value, '$.quantity') || ' of ' || json_extract(line.value, '$.code')
FROM audit_stream_events AS placed, json_each(placed.body, '$.placed._0.lines') AS line
WHERE placed.type = 'placed' AND json_extract(line.value, '$.priceNanos') < 0 AND json_extract(line.value, '$.isGoods')
ORDER BY 1, 2;

-- I4 idle: orders of which all units were returned and something else than all was refunded
SELECT orders.order_id, orders.captured || ' captured, ' || orders.refunded || ' refunded'
FROM audit_orders AS orders JOIN audit_stream_events AS placed ON placed.stream = orders.order_id,
    json_each(placed.body, '$.placed._0.lines') AS line
WHERE placed.type = 'placed' AND orders.status = 'completed' AND orders.refunded <> orders.captured
    AND json_extract(line.value, '$.priceNanos') >= 0
GROUP BY orders.order_id, orders.captured, orders.refunded
HAVING SUM(json_extract(line.value, '$.quantity') - (
    SELECT COALESCE(SUM(returned.quantity), 0) FROM audit_returned_lines AS returned
    WHERE returned.order_id = orders.order_id AND returned.line = line.key)) = 0
ORDER BY 1;

-- I11 idle: orders in no terminal state
SELECT order_id, status
FROM audit_orders WHERE status NOT IN ('completed', 'rejected', 'cancelled')
ORDER BY 1;

-- I16 idle: orders whose final status is not the only end in their events
SELECT order_id, status || ' after ' || COALESCE(
    (SELECT group_concat(type, ', ')
     FROM (SELECT type FROM audit_stream_events WHERE stream = order_id ORDER BY version)), 'nothing')
FROM audit_orders
WHERE status IN ('completed', 'rejected', 'cancelled') AND status IS NOT (
    SELECT group_concat(type) FROM audit_stream_events
    WHERE stream = order_id AND type IN ('completed', 'rejected', 'cancelled'))
ORDER BY 1;
