import CartsContract
import InventoryContract
import MartletCore
import MartletMessaging
import OrdersContract
import PaymentsContract
import SharedContract
import SimulatedCluster
import SwiftProtobuf

@testable import ShopSimulation

/// The client observations and the snapshot of a sound world with six customers; a test plants one defect in it.
struct CheckerFixture {
    /// The outcome of one order.
    struct OrderOutcome {
        var status = "completed"
        var reason = ""
        var types = ["placed", "confirmed", "capture_requested", "captured", "completed"]
        /// The payment's status at the provider; `nil` without a payment.
        var providerStatus: String? = "captured"
        var reservation: String? = "confirmed"
        var refunded: Int64 = 0

        static let paid = OrderOutcome()
        static let declined = rejected("payments.declined", providerStatus: "declined", reservation: "released")
        static let unavailable = rejected("inventory.insufficient_stock", providerStatus: nil, reservation: nil)
        /// Its checkout was interrupted for longer than reservations last.
        static let expired = rejected("inventory.reservation_closed", providerStatus: "voided", reservation: "expired")
        static let cancelled = OrderOutcome(
            status: "cancelled",
            types: ["placed", "cancelled"],
            providerStatus: "voided",
            reservation: "released"
        )

        private static func rejected(_ reason: String, providerStatus: String?, reservation: String?) -> OrderOutcome {
            OrderOutcome(
                status: "rejected",
                reason: reason,
                types: ["placed", "rejected"],
                providerStatus: providerStatus,
                reservation: reservation
            )
        }
    }

    let workload: Workload
    var acknowledged: [ClientObservations.AcknowledgedOrder] = []
    var snapshot = StateSnapshot(
        orders: [:],
        streams: [:],
        providerPayments: [],
        stock: [],
        carts: [:],
        reservations: [],
        ledger: [],
        payments: [:],
        published: [],
        audited: [],
        runs: [],
        unsent: 0,
        parked: 0,
        waiting: [],
        accounts: EventAccounts(of: [OrdersTopics.orders.name: [AuditorService.name]]),
        violations: []
    )

    /// The longest time in which nothing ran.
    var longestOutage = Duration.zero

    var violations: [Violation] {
        InvariantChecker(
            acknowledged: acknowledged,
            snapshot: snapshot,
            workload: workload,
            longestOutage: longestOutage
        )
        .violations
    }

    /// Ann returns a mug, Bob has an agreed price, Cid cannot pay, Dot cancels before the capture and Eve after it, Fay
    /// orders more than there is; Gus and Hal have not ordered yet.
    static func sound() throws -> CheckerFixture {
        var fixture = CheckerFixture(workload: sampleWorkload)
        for (sku, units) in sampleWorkload.openingStock.sorted(by: { $0.key < $1.key }) {
            fixture.snapshot.stock.append(
                StateSnapshot.Stock(
                    sku: sku,
                    available: 0,
                    onHand: 0,
                    received: units,
                    sold: 0,
                    returned: 0,
                    corrected: 0
                )
            )
            try fixture.move(sku, available: units, onHand: units)
        }
        for (customer, outcome) in [
            ("ann", OrderOutcome.paid), ("bob", .paid), ("cid", .declined), ("dot", .cancelled), ("eve", .paid),
            ("fay", .unavailable),
        ] {
            try fixture.add(customer, outcome)
        }
        try fixture.returnUnits("ann", units: 1)
        fixture.acknowledged["dot"].cancelAccepted = true
        fixture.acknowledged["eve"].cancelAccepted = true
        try fixture.returnUnits("eve", units: 1, isCancelled: true)
        return fixture
    }

    private static let sampleWorkload = Workload(
        prices: ["mug": 500, "jug": 300, "vase": 900],
        openingStock: ["mug": 20, "jug": 20, "vase": 5],
        scripts: [
            script("ann", [("mug", 2), ("jug", 1)], kind: .cart),
            script("bob", [("mug", 1)], kind: .agreed, postage: 300),
            script("cid", [("jug", 1)], kind: .cart, paying: "pm_test_declined"), script("dot", [("jug", 1)]),
            script("eve", [("mug", 1)]), script("fay", [("vase", 9)]), script("gus", [("mug", 1)]),
            script("hal", [("mug", 1)]),
        ],
        duration: .seconds(1)
    )

    private static func script(
        _ customer: String,
        _ lines: [(sku: String, units: Int)],
        kind: CustomerScript.Kind = .lines,
        paying method: String = "pm_test_ok",
        postage: Int64 = 0
    ) -> CustomerScript {
        let pence: [String: Int64] = ["mug": 500, "jug": 300, "vase": 900]
        return CustomerScript(
            customer: customer,
            kind: kind,
            lines: lines.enumerated().map { index, line in
                .init(
                    sku: line.sku,
                    units: line.units,
                    price: CustomerScript.price(kind, line: index, pence: pence[line.sku, default: 0])
                )
            },
            paymentMethod: method,
            arrival: .zero,
            postage: postage,
            laterLine: kind == .cart ? CustomerScript.OrderLine(sku: "vase", units: 3, price: 0) : nil,
            cancelDelay: nil,
            returns: [],
            callTimeout: .seconds(1)
        )
    }

    static func order(of customer: String) -> String { "order-\(customer)" }

    func script(of customer: String) -> CustomerScript? { workload.scripts.first { $0.customer == customer } }
}

// MARK: Events

extension CheckerFixture {
    /// Adds an acknowledged order with its outcome, consistently in all records.
    mutating func add(_ customer: String, _ outcome: OrderOutcome) throws {
        let (id, lines) = (Self.order(of: customer), script(of: customer)?.lines ?? [])
        let total = script(of: customer)?.expectedTotal() ?? 0
        let goods = Dictionary(lines.map { ($0.sku, $0.units) }, uniquingKeysWith: +)
        acknowledged.append(
            ClientObservations.AcknowledgedOrder(
                orderID: id,
                customer: customer,
                key: "order",
                totalMinorUnits: total,
                shownMinorUnits: total,
                goods: goods
            )
        )
        snapshot.orders[id] = StateSnapshot.Order(
            id: id,
            status: outcome.status,
            reason: outcome.reason,
            reference: script(of: customer)?.kind == .agreed ? "reference-\(customer)" : "",
            captured: 0,
            refunded: 0,
            total: total,
            openReturns: 0
        )
        if script(of: customer)?.kind == .cart { try addCart(customer, isTaken: outcome.status == "completed") }
        snapshot.streams[id] = []
        for type in outcome.types { try note(type, of: customer) }
        if let providerStatus = outcome.providerStatus {
            snapshot.providerPayments.append(
                StateSnapshot.ProviderPayment(
                    reference: id,
                    status: providerStatus,
                    captured: 0,
                    refunded: 0,
                    captures: 0
                )
            )
            snapshot.payments["payment-\(customer)"] = id
            try setAmounts(customer, captured: providerStatus == "captured" ? total : 0, refunded: 0)
        }
        guard let reservation = outcome.reservation else { return }
        snapshot.reservations.append((id, reservation))
        for (sku, units) in goods.sorted(by: { $0.key < $1.key }) {
            try move(sku, available: -units)
            guard reservation == "confirmed" else {
                try move(sku, available: units)
                continue
            }
            try move(sku, onHand: -units)
            snapshot.stock[sku].sold += units
        }
    }

    /// Adds a customer's cart, with what was put into it after the order.
    private mutating func addCart(_ customer: String, isTaken: Bool) throws {
        guard let script = script(of: customer), let later = script.laterLine else { return }
        let lines = isTaken ? [later] : script.lines + [later]
        snapshot.carts["customer:\(customer)"] = Dictionary(uniqueKeysWithValues: lines.map { ($0.sku, $0.units) })
        acknowledged[customer].laterLine = (later.sku, later.units)
        if isTaken { try takeFromCart(customer, leaving: []) }
    }

    /// Publishes that the order took units of its cart.
    mutating func takeFromCart(_ customer: String, leaving skus: [String]) throws {
        let change = CartChanged.with {
            $0.cartID = "customer:\(customer)"
            $0.orderID = Self.order(of: customer)
            $0.lines = skus.map { sku in
                .with {
                    $0.sku = sku
                    $0.quantity = 1
                }
            }
        }
        publish(CartsTopics.carts.name, by: "carts", key: change.cartID, body: try change.serializedBytes())
    }

    /// Appends an event to the order's stream, and publishes the change when its type is published.
    mutating func note(_ type: String, of customer: String) throws {
        let id = Self.order(of: customer)
        snapshot.streams[id, default: []].append(type)
        let kinds: [String: OrderChanged.Kind] = [
            "placed": .placed, "confirmed": .confirmed, "completed": .completed, "rejected": .rejected,
            "cancelled": .cancelled, "return_completed": .returned,
        ]
        if let kind = kinds[type] { try announce(kind, of: id) }
    }

    mutating func announce(_ kind: OrderChanged.Kind, of order: String) throws {
        let change = OrderChanged.with {
            $0.orderID = order
            $0.kind = kind
        }
        publish(OrdersTopics.orders.name, by: "orders", key: order, body: try change.serializedBytes())
    }

    /// Returns and refunds units of the first line.
    mutating func returnUnits(_ customer: String, units: Int, isCancelled: Bool = false) throws {
        guard let script = script(of: customer) else { return }
        let refund = isCancelled ? script.expectedTotal() : script.expectedRefund(ofFirst: units)
        if !isCancelled {
            acknowledged[customer].promisedRefunds["return-0"] = refund
            acknowledged[customer].returnedUnits["return-0"] = units
        }
        snapshot.streams[Self.order(of: customer), default: []].append("return_requested")
        try note("return_completed", of: customer)
        try setAmounts(customer, captured: script.expectedTotal(), refunded: refund)
        let sku = script.lines[0].sku
        try move(sku, available: units, onHand: units)
        snapshot.stock[sku].returned += units
    }

    /// Sets the captured and refunded amounts in all records, and publishes the payment.
    mutating func setAmounts(_ customer: String, captured: Int64, refunded: Int64) throws {
        let (id, payment) = (Self.order(of: customer), "payment-\(customer)")
        snapshot.orders[id]?.captured = captured
        snapshot.orders[id]?.refunded = refunded
        snapshot.providerPayments[customer].captured = captured
        snapshot.providerPayments[customer].refunded = refunded
        snapshot.providerPayments[customer].captures = captured > 0 ? 1 : 0
        snapshot.ledger.removeAll { $0.journal.split(separator: "/")[1] == payment }
        book("capture/\(payment)", captured, from: "provider_clearing", to: "sales")
        book("refund/\(payment)/0", refunded, from: "refunds", to: "provider_clearing")
        let status: PaymentStatus =
            captured > 0 ? .captured : snapshot.providerPayments[customer].status == "declined" ? .declined : .voided
        let change = PaymentChanged.with {
            $0.paymentID = payment
            $0.orderID = id
            $0.status = status
            $0.refunded = Money.with {
                $0.currency = "GBP"
                $0.minorUnits = refunded
            }
        }
        publish(PaymentsTopics.payments.name, by: "payments", key: payment, body: try change.serializedBytes())
    }

    mutating func book(_ journal: String, _ amount: Int64, from debit: String, to credit: String) {
        guard amount != 0 else { return }
        for (account, debit, credit) in [(debit, amount, 0), (credit, 0, amount)] {
            snapshot.ledger.append(
                StateSnapshot.LedgerLine(
                    journal: journal,
                    account: account,
                    currency: "GBP",
                    debit: debit,
                    credit: credit
                )
            )
        }
    }

    /// Changes the units on hand and the available ones, and publishes the stock event.
    mutating func move(_ sku: String, available: Int = 0, onHand: Int = 0) throws {
        snapshot.stock[sku].available += available
        snapshot.stock[sku].onHand += onHand
        let moved = StockMoved.with {
            $0.changes = [
                .with {
                    $0.sku = sku
                    $0.available = Int64(available)
                    $0.onHand = Int64(onHand)
                }
            ]
        }
        publish(
            InventoryTopics.movements.name,
            by: "inventory",
            key: "movement-\(sku)",
            body: try moved.serializedBytes()
        )
    }

    /// Adds an event that was committed and took effect.
    mutating func publish(_ topic: String, by source: String, key: String, body: [UInt8]) {
        let before = snapshot.published.count { $0.topic == topic && $0.key == key }
        let entry = StateSnapshot.Entry(
            topic: topic,
            key: key,
            source: source,
            epoch: 1,
            sequence: Int64(before + 1),
            body: body
        )
        snapshot.published.append(entry)
        snapshot.audited.append(entry)
        snapshot.accounts?.add(entry.account, of: AuditorService.name)
    }

    /// Removes the last event of a topic and key from all records, as if it had never been written.
    mutating func removeLastEvent(_ topic: String, _ key: String) {
        for path in [\StateSnapshot.published, \StateSnapshot.audited] {
            guard let last = snapshot[keyPath: path].lastIndex(where: { $0.topic == topic && $0.key == key }) else {
                continue
            }
            snapshot[keyPath: path].remove(at: last)
        }
    }
}

// MARK: By name

extension [ClientObservations.AcknowledgedOrder] {
    subscript(customer: String) -> ClientObservations.AcknowledgedOrder {
        get { self[index(customer)] }
        set { self[index(customer)] = newValue }
    }

    private func index(_ customer: String) -> Int { named(self, customer, by: \.customer) }
}

extension [StateSnapshot.ProviderPayment] {
    subscript(customer: String) -> StateSnapshot.ProviderPayment {
        get { self[index(customer)] }
        set { self[index(customer)] = newValue }
    }

    private func index(_ customer: String) -> Int { named(self, CheckerFixture.order(of: customer), by: \.reference) }
}

extension [StateSnapshot.Stock] {
    subscript(sku: String) -> StateSnapshot.Stock {
        get { self[index(sku)] }
        set { self[index(sku)] = newValue }
    }

    private func index(_ sku: String) -> Int { named(self, sku, by: \.sku) }
}

private func named<Row>(_ rows: [Row], _ name: String, by path: KeyPath<Row, String>) -> Int {
    guard let index = rows.firstIndex(where: { $0[keyPath: path] == name }) else {
        preconditionFailure("the fixture has no \(name)")
    }
    return index
}
