import Testing

/// One defect in the otherwise sound tables of a service, and the stored invariants that it violates.
struct StoredDefect: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let service: String
    /// They plant it.
    let statements: [String]
    /// The invariants by what their rows are: the one that the defect is for, and inevitable others.
    let expected: [String]

    init(_ name: String, in service: String, _ statements: String..., finds expected: String...) {
        testDescription = name
        self.service = service
        self.statements = statements
        self.expected = expected
    }

    /// One order of two mugs, of which nothing is in flight.
    static let sound = [
        "inventory": [
            "INSERT INTO stock VALUES ('mug', 'main', 8, 8, 10, 2, 0, 0)",
            "INSERT INTO reservations VALUES ('o1', 'confirmed', 0, 0)",
            "INSERT INTO reservation_lines VALUES ('o1', 'mug', 'main', 2)",
        ],
        "orders": [
            """
            INSERT INTO order_headlines (order_id, status, customer_id, currency, total, captured, refunded, returns,
                open_returns, placed_at)
            VALUES ('o1', 'completed', 'ann', 'GBP', 500, 500, 0, 0, 0, 0)
            """,
            """
            INSERT INTO es_events (stream, version, type, schema, body, at)
            VALUES ('o1', 1, 'placed', 1, '{}', 0), ('o1', 2, 'captured', 1, '{}', 0), ('o1', 3, 'completed', 1, '{}', 0)
            """,
            """
            INSERT INTO workflow_runs (id, workflow, version, state, input, principal, fence, by_clock, attempts, unknowns,
                forced, created_at, updated_at)
            VALUES ('run-1', 'checkout', 1, 'completed', '{}', 'ann', 1, 0, 0, 0, 0, 0, 0)
            """,
        ],
        "payments": [
            "INSERT INTO payments VALUES ('p1', 'o1', 'GBP', 500, 'card', 'captured', 'x1', 1, 0, 100, 0)",
            "INSERT INTO refunds VALUES ('p1', 'r1', 100, 1, 1, 0)",
            """
            INSERT INTO ledger (journal, line, account, currency, debit, credit, at)
            VALUES ('capture/p1', 1, 'provider_clearing', 'GBP', 500, 0, 0), ('capture/p1', 2, 'sales', 'GBP', 0, 500, 0),
                ('refund/p1/r1', 1, 'refunds', 'GBP', 100, 0, 0),
                ('refund/p1/r1', 2, 'provider_clearing', 'GBP', 0, 100, 0)
            """,
        ],
        "provider": [
            "INSERT INTO payments VALUES ('x1', 'o1', 'captured', 'GBP', 500, 500, 0, 0)",
            "INSERT INTO ledger VALUES ('e1', 'x1', 'authorise', 'o1', 500, 0), ('e2', 'x1', 'capture', 'o1', 500, 0)",
        ],
    ]

    static let all = [
        StoredDefect(
            "stock is negative",
            in: "inventory",
            // The table itself refuses it.
            "DROP VIEW audit_stock",
            """
            CREATE VIEW audit_stock AS SELECT 'mug' AS sku, -1 AS available, -1 AS on_hand, -1 AS received, 0 AS sold,
                0 AS returned, 0 AS corrected
            """,
            finds: "stock that is negative, or of which more is available than on hand",
            "stock of which more was sold than received"
        ),
        StoredDefect(
            "more is available than on hand",
            in: "inventory",
            "UPDATE stock SET available = 9",
            finds: "stock that is negative, or of which more is available than on hand",
            "stock that is reserved without an order"
        ),
        StoredDefect(
            "a unit is added without a movement",
            in: "inventory",
            "UPDATE stock SET available = 9, on_hand = 9",
            finds: "stock whose movements do not add up to the units on hand"
        ),
        StoredDefect(
            "more is sold than received",
            in: "inventory",
            "UPDATE stock SET sold = 20",
            finds: "stock of which more was sold than received",
            "stock whose movements do not add up to the units on hand"
        ),
        StoredDefect(
            "a unit stays reserved",
            in: "inventory",
            "UPDATE stock SET available = 7",
            finds: "stock that is reserved without an order"
        ),
        StoredDefect(
            "a reservation stays held",
            in: "inventory",
            "UPDATE reservations SET status = 'held'",
            finds: "reservations that were not released"
        ),
        StoredDefect(
            "an event is missing",
            in: "orders",
            "DELETE FROM es_events WHERE version = 2",
            finds: "streams with gaps"
        ),
        StoredDefect(
            "an order is captured again",
            in: "orders",
            "UPDATE es_events SET type = 'captured' WHERE version = 1",
            finds: "changes that happened twice"
        ),
        StoredDefect(
            "an order is missing in the read model",
            in: "orders",
            "DELETE FROM order_headlines",
            finds: "streams that are missing in the read model"
        ),
        StoredDefect(
            "an agreed order exists twice",
            in: "orders",
            // The table itself refuses it.
            "DROP INDEX orders_by_reference",
            "UPDATE order_headlines SET reference = 'r1'",
            """
            INSERT INTO order_headlines (order_id, status, customer_id, reference, currency, total, captured, refunded,
                returns, open_returns, placed_at)
            SELECT 'o2', status, customer_id, reference, currency, total, captured, refunded, returns, open_returns,
                placed_at FROM order_headlines
            """,
            """
            INSERT INTO es_events (stream, version, type, schema, body, at)
            SELECT 'o2', version, type, schema, body, at FROM es_events
            """,
            finds: "references that several orders have"
        ),
        StoredDefect(
            "a cart is ordered twice",
            in: "orders",
            """
            UPDATE es_events SET body = '{"placed":{"_0":{"cartRevision":"revision-1"}}}' WHERE type = 'placed'
            """,
            """
            INSERT INTO order_headlines (order_id, status, customer_id, currency, total, captured, refunded, returns,
                open_returns, placed_at)
            SELECT 'o2', status, customer_id, currency, total, captured, refunded, returns, open_returns, placed_at
                FROM order_headlines
            """,
            """
            INSERT INTO es_events (stream, version, type, schema, body, at)
            SELECT 'o2', version, type, schema, body, at FROM es_events
            """,
            finds: "revisions of carts that several orders take"
        ),
        StoredDefect(
            "a discount takes stock",
            in: "orders",
            """
            UPDATE es_events SET body = '{"placed":{"_0":{"lines":[
                {"code":"mug","quantity":2,"priceNanos":3000000000,"isGoods":true},
                {"code":"mug","quantity":1,"priceNanos":-1000000000,"isGoods":true}]}}}' WHERE type = 'placed'
            """,
            finds: "discounts that count as goods"
        ),
        StoredDefect(
            "all units are returned, and the refunds do not add up",
            in: "orders",
            """
            UPDATE es_events SET body = '{"placed":{"_0":{"lines":[
                {"code":"mug","quantity":1,"priceNanos":-1000000000,"isGoods":false},
                {"code":"mug","quantity":2,"priceNanos":3000000000,"isGoods":true}]}}}' WHERE type = 'placed'
            """,
            """
            INSERT INTO es_events (stream, version, type, schema, body, at)
            SELECT 'o1', version + 3, 'return_requested', 1,
                '{"returnRequested":{"_0":{"id":"r' || version || '","lines":[{"line":1,"quantity":1}]}}}', 0
            FROM es_events WHERE version < 3
            """,
            "UPDATE order_headlines SET refunded = 499, returns = 2",
            finds: "orders of which all units were returned and something else than all was refunded"
        ),
        StoredDefect(
            "an order stays open",
            in: "orders",
            "UPDATE order_headlines SET status = 'pending'",
            finds: "orders in no terminal state"
        ),
        StoredDefect(
            "the read model has a different final status",
            in: "orders",
            "UPDATE order_headlines SET status = 'cancelled'",
            finds: "orders whose final status is not the only end in their events"
        ),
        StoredDefect(
            "an order ends twice",
            in: "orders",
            "UPDATE es_events SET type = 'cancelled' WHERE version = 2",
            finds: "orders whose final status is not the only end in their events"
        ),
        StoredDefect(
            "an order does not end",
            in: "orders",
            "UPDATE es_events SET type = 'confirmed' WHERE version = 3",
            finds: "orders whose final status is not the only end in their events"
        ),
        StoredDefect(
            "a run stays open",
            in: "orders",
            "UPDATE workflow_runs SET state = 'open'",
            finds: "runs that did not complete"
        ),
        StoredDefect(
            "a run needs a human",
            in: "orders",
            "UPDATE workflow_runs SET state = 'needs_human', error = 'why'",
            finds: "runs that did not complete"
        ),
        StoredDefect(
            "a run fails",
            in: "orders",
            "UPDATE workflow_runs SET state = 'failed', error = 'why'",
            finds: "runs that did not complete"
        ),
        StoredDefect(
            "a journal does not balance",
            in: "payments",
            "UPDATE ledger SET debit = 501 WHERE debit = 500",
            finds: "journals whose debits differ from their credits"
        ),
        StoredDefect(
            "a journal balances only across currencies",
            in: "payments",
            "UPDATE ledger SET currency = 'EUR' WHERE credit = 500",
            finds: "journals whose debits differ from their credits"
        ),
        StoredDefect(
            "a journal has no payment",
            in: "payments",
            "UPDATE ledger SET journal = 'refund/p2/r1' WHERE journal = 'refund/p1/r1'",
            finds: "journals of no payment"
        ),
        StoredDefect(
            "a refund is counted and not done",
            in: "payments",
            "UPDATE refunds SET done = 0",
            finds: "payments whose refunds do not add up to what they refunded"
        ),
        StoredDefect(
            "a provider disagrees, and no operator has corrected it",
            in: "payments",
            "INSERT INTO disagreements VALUES ('p1', NULL, 'captured 499 of 500', 0)",
            finds: "payments whose provider disagrees"
        ),
        StoredDefect(
            "a payment is captured twice",
            in: "provider",
            "INSERT INTO ledger VALUES ('e3', 'x1', 'capture', 'o1', 500, 0)",
            finds: "orders that were captured more than once"
        ),
        StoredDefect(
            "an authorisation is not voided",
            in: "provider",
            "UPDATE payments SET status = 'authorised'",
            finds: "authorisations that were not voided"
        ),
    ]
}
