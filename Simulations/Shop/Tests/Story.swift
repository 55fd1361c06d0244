import InventoryContract
import MartletCore
import MartletMessaging
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf

@testable import ShopSimulation

/// What six customers were told and what stands in the books of a sound world, to be spoilt in one place.
struct Story {
    /// What became of one order.
    struct Deal {
        var status = "completed"
        var reason = ""
        var types = ["placed", "confirmed", "capture_requested", "captured", "completed"]
        /// How the provider knows the payment; `nil` when it was never asked.
        var wallet: String? = "captured"
        var reservation: String? = "confirmed"
        var refunded: Int64 = 0

        static let paid = Deal()
        static let declined = rejected("payments.declined", wallet: "declined", reservation: "released")
        static let unavailable = rejected("inventory.insufficient_stock", wallet: nil, reservation: nil)
        /// Nobody went on with it for as long as goods are held.
        static let lapsed = rejected("inventory.reservation_closed", wallet: "voided", reservation: "expired")
        static let cancelled = Deal(
            status: "cancelled",
            types: ["placed", "cancelled"],
            wallet: "voided",
            reservation: "released"
        )

        private static func rejected(_ reason: String, wallet: String?, reservation: String?) -> Deal {
            Deal(
                status: "rejected",
                reason: reason,
                types: ["placed", "rejected"],
                wallet: wallet,
                reservation: reservation
            )
        }
    }

    let market: Market
    var told: [Witness.Told] = []
    var books = Books(
        orders: [:],
        streams: [:],
        wallets: [],
        stock: [],
        reservations: [],
        ledger: [],
        payments: [:],
        published: [],
        audited: [],
        runs: [],
        unsent: 0,
        parked: 0,
        waiting: []
    )

    /// How long nothing ran.
    var absence = Duration.zero

    var violations: [Violation] { Audit(told: told, books: books, market: market, absence: absence).violations }

    /// Ann brings a mug back, Bob agrees a price, Cid cannot pay, Dot cancels before she has paid and Eve after, Fay wants more
    /// than there is; Gus and Hal have not come yet.
    static func sound() throws -> Story {
        var story = Story(market: fair)
        for (sku, units) in fair.opening.sorted(by: { $0.key < $1.key }) {
            story.books.stock.append(
                Books.Stock(
                    sku: sku,
                    available: 0,
                    onHand: 0,
                    received: units,
                    sold: 0,
                    returned: 0,
                    corrected: 0
                )
            )
            try story.move(sku, available: units, onHand: units)
        }
        for (customer, deal) in [
            ("ann", Deal.paid), ("bob", .paid), ("cid", .declined), ("dot", .cancelled), ("eve", .paid),
            ("fay", .unavailable),
        ] {
            try story.add(customer, deal)
        }
        try story.bringBack("ann", units: 1)
        story.told["dot"].cancelAccepted = true
        story.told["eve"].cancelAccepted = true
        try story.bringBack("eve", units: 1, isCancelled: true)
        return story
    }

    private static let fair = Market(
        prices: ["mug": 500, "jug": 300, "vase": 900],
        opening: ["mug": 20, "jug": 20, "vase": 5],
        errands: [
            errand("ann", [("mug", 2), ("jug", 1)]), errand("bob", [("mug", 1)], .agreed, postage: 300),
            errand("cid", [("jug", 1)], paying: "pm_test_declined"), errand("dot", [("jug", 1)]),
            errand("eve", [("mug", 1)]), errand("fay", [("vase", 9)]), errand("gus", [("mug", 1)]),
            errand("hal", [("mug", 1)]),
        ],
        day: .seconds(1)
    )

    private static func errand(
        _ customer: String,
        _ wishes: [(sku: String, units: Int)],
        _ way: Errand.Way = .lines,
        paying method: String = "pm_test_ok",
        postage: Int64 = 0
    ) -> Errand {
        let pence: [String: Int64] = ["mug": 500, "jug": 300, "vase": 900]
        return Errand(
            customer: customer,
            way: way,
            wishes: wishes.enumerated().map { line, wish in
                .init(
                    sku: wish.sku,
                    units: wish.units,
                    price: Errand.price(way, line: line, pence: pence[wish.sku, default: 0])
                )
            },
            paymentMethod: method,
            arrival: .zero,
            postage: postage,
            secondThoughts: nil,
            returns: [],
            patience: .seconds(1)
        )
    }

    static func order(of customer: String) -> String { "order-\(customer)" }

    func errand(of customer: String) -> Errand? { market.errands.first { $0.customer == customer } }
}

// MARK: What happens

extension Story {
    /// An order from its placing to its end, told to its customer, and right in every book.
    mutating func add(_ customer: String, _ deal: Deal) throws {
        let (id, wishes) = (Self.order(of: customer), errand(of: customer)?.wishes ?? [])
        let total = errand(of: customer)?.worth ?? 0
        let goods = Dictionary(wishes.map { ($0.sku, $0.units) }, uniquingKeysWith: +)
        told.append(
            Witness.Told(orderID: id, customer: customer, key: "order", totalMinorUnits: total, goods: goods)
        )
        books.orders[id] = Books.Order(
            id: id,
            status: deal.status,
            reason: deal.reason,
            reference: errand(of: customer)?.way == .agreed ? "reference-\(customer)" : "",
            captured: 0,
            refunded: 0,
            total: total,
            openReturns: 0
        )
        books.streams[id] = []
        for type in deal.types { try note(type, of: customer) }
        if let wallet = deal.wallet {
            books.wallets.append(
                Books.Wallet(reference: id, status: wallet, captured: 0, refunded: 0, captures: 0)
            )
            books.payments["payment-\(customer)"] = id
            try settle(customer, captured: wallet == "captured" ? total : 0, refunded: 0)
        }
        guard let reservation = deal.reservation else { return }
        books.reservations.append((id, reservation))
        for (sku, units) in goods.sorted(by: { $0.key < $1.key }) {
            try move(sku, available: -units)
            guard reservation == "confirmed" else {
                try move(sku, available: units)
                continue
            }
            try move(sku, onHand: -units)
            books.stock[sku].sold += units
        }
    }

    /// An event in the order's stream, of which others are told when they have to be.
    mutating func note(_ type: String, of customer: String) throws {
        let id = Self.order(of: customer)
        books.streams[id, default: []].append(type)
        let kinds: [String: OrderChanged.Kind] = [
            "placed": .placed, "confirmed": .confirmed, "completed": .completed, "rejected": .rejected,
            "cancelled": .cancelled, "return_completed": .returned,
        ]
        if let kind = kinds[type] { try tell(kind, of: id) }
    }

    mutating func tell(_ kind: OrderChanged.Kind, of order: String) throws {
        let change = OrderChanged.with {
            $0.orderID = order
            $0.kind = kind
        }
        publish(OrdersTopics.orders.name, "orders", order, try change.serializedBytes())
    }

    /// Units of the first line come back, and their money goes back.
    mutating func bringBack(_ customer: String, units: Int, isCancelled: Bool = false) throws {
        guard let errand = errand(of: customer) else { return }
        let refund = isCancelled ? errand.worth : errand.worth(ofFirst: units)
        if !isCancelled {
            told[customer].returns["return-0"] = refund
            told[customer].broughtBack["return-0"] = units
        }
        books.streams[Self.order(of: customer), default: []].append("return_requested")
        try note("return_completed", of: customer)
        try settle(customer, captured: errand.worth, refunded: refund)
        let sku = errand.wishes[0].sku
        try move(sku, available: units, onHand: units)
        books.stock[sku].returned += units
    }

    /// What the provider took and gave back, equal in all books, and told.
    mutating func settle(_ customer: String, captured: Int64, refunded: Int64) throws {
        let (id, payment) = (Self.order(of: customer), "payment-\(customer)")
        books.orders[id]?.captured = captured
        books.orders[id]?.refunded = refunded
        books.wallets[customer].captured = captured
        books.wallets[customer].refunded = refunded
        books.wallets[customer].captures = captured > 0 ? 1 : 0
        books.ledger.removeAll { $0.journal.split(separator: "/")[1] == payment }
        book("capture/\(payment)", captured, from: "provider_clearing", to: "sales")
        book("refund/\(payment)/0", refunded, from: "refunds", to: "provider_clearing")
        let status: PaymentStatus =
            captured > 0 ? .captured : books.wallets[customer].status == "declined" ? .declined : .voided
        let change = PaymentChanged.with {
            $0.paymentID = payment
            $0.orderID = id
            $0.status = status
            $0.refunded = Money.with {
                $0.currency = "GBP"
                $0.minorUnits = refunded
            }
        }
        publish(PaymentsTopics.payments.name, "payments", payment, try change.serializedBytes())
    }

    mutating func book(_ journal: String, _ amount: Int64, from debit: String, to credit: String) {
        guard amount != 0 else { return }
        for (account, debit, credit) in [(debit, amount, 0), (credit, 0, amount)] {
            books.ledger.append(
                Books.Line(journal: journal, account: account, currency: "GBP", debit: debit, credit: credit)
            )
        }
    }

    /// Units on the shelf and those of them that nobody has been promised, and the event that says so.
    mutating func move(_ sku: String, available: Int = 0, onHand: Int = 0) throws {
        books.stock[sku].available += available
        books.stock[sku].onHand += onHand
        let moved = StockMoved.with {
            $0.changes = [
                .with {
                    $0.sku = sku
                    $0.available = Int64(available)
                    $0.onHand = Int64(onHand)
                }
            ]
        }
        publish(InventoryTopics.movements.name, "inventory", "movement-\(sku)", try moved.serializedBytes())
    }

    /// An event that was committed and took effect.
    mutating func publish(_ topic: String, _ source: String, _ key: String, _ body: [UInt8]) {
        let before = books.published.count { $0.topic == topic && $0.key == key }
        let entry = Books.Entry(
            topic: topic,
            key: key,
            source: source,
            epoch: 1,
            sequence: Int64(before + 1),
            body: body
        )
        books.published.append(entry)
        books.audited.append(entry)
    }

    /// Takes the last event of a topic and key out of all books, as if nobody had ever written it.
    mutating func untell(_ topic: String, _ key: String) {
        for path in [\Books.published, \Books.audited] {
            guard let last = books[keyPath: path].lastIndex(where: { $0.topic == topic && $0.key == key }) else {
                continue
            }
            books[keyPath: path].remove(at: last)
        }
    }
}

// MARK: By name

extension [Witness.Told] {
    subscript(customer: String) -> Witness.Told {
        get { self[index(customer)] }
        set { self[index(customer)] = newValue }
    }

    private func index(_ customer: String) -> Int { named(self, customer, \.customer) }
}

extension [Books.Wallet] {
    subscript(customer: String) -> Books.Wallet {
        get { self[index(customer)] }
        set { self[index(customer)] = newValue }
    }

    private func index(_ customer: String) -> Int { named(self, Story.order(of: customer), \.reference) }
}

extension [Books.Stock] {
    subscript(sku: String) -> Books.Stock {
        get { self[index(sku)] }
        set { self[index(sku)] = newValue }
    }

    private func index(_ sku: String) -> Int { named(self, sku, \.sku) }
}

private func named<Row>(_ rows: [Row], _ name: String, _ path: KeyPath<Row, String>) -> Int {
    guard let index = rows.firstIndex(where: { $0[keyPath: path] == name }) else {
        preconditionFailure("the story has no \(name)")
    }
    return index
}
