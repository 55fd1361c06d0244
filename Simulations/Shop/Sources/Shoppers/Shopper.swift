import CartsContract
import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import SharedContract
import SwiftProtobuf

/// One customer at work: impatient, repeating what was not answered with the same key, and watching what they are told.
struct Shopper: Sendable {
    /// Repeats of one request, after which even a customer of a simulation goes home.
    private static let repeatsLimit = 400
    private static let look = Duration.milliseconds(400)
    private static let lookLimit = Duration.seconds(20)

    let errand: Errand
    let world: ShopWorld
    let witness: Witness
    let entropy: SeededEntropy
    /// How long after the faults have healed they wait for their order.
    let patience: Duration
    private let orders: OrdersClient
    private let carts: CartsClient

    init(_ errand: Errand, in world: ShopWorld, witness: Witness, entropy: SeededEntropy, patience: Duration) {
        self.errand = errand
        self.world = world
        self.witness = witness
        self.entropy = entropy
        self.patience = patience
        orders = OrdersClient(over: world.network.channel(from: world.outside, to: "orders"))
        carts = CartsClient(over: world.network.channel(from: world.outside, to: "carts"))
    }

    /// Comes, buys, and perhaps cancels or brings something back.
    func run() async throws {
        try await world.stay(for: errand.arrival)
        guard let order = try await place() else { return }
        if let pause = errand.secondThoughts {
            try await world.time.sleep(for: pause)
            try await together(errand.isHasty ? ["cancel", "cancel-again"] : ["cancel"]) {
                try await cancel(order, key: $0)
            }
        }
        let status = try await end(of: order)
        guard status == .completed, !errand.returns.isEmpty else { return }
        let returns = errand.returns.enumerated().map { ("return-\($0.offset)", $0.element) }
        guard errand.isHasty else {
            for (id, units) in returns { try await bringBack(order, id, units) }
            return
        }
        try await together(returns + (errand.isTorn ? [("", 0)] : [])) { id, units in
            if units > 0 { try await bringBack(order, id, units) } else { try await cancel(order, key: "torn") }
        }
    }

    private func together<W: Sendable>(
        _ wishes: [W],
        _ act: @escaping @Sendable (W) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for wish in wishes { group.addTask { try await act(wish) } }
            try await group.waitForAll()
        }
    }

    /// Comes again when all is long over, with an old request or with a new one.
    ///
    /// - Parameter isForgotten: Whether the keys that were used are too old.
    func comeBack(isForgotten: Bool) async throws {
        guard let order = witness.order(of: errand.customer) else { return }
        // Somebody does, however few there are.
        let isFirst = world.faults.counts[.lateRequest] == nil
        let act = isFirst ? 1 : entropy.number(below: 8)
        // Under a forgotten key, lines are a new order, and so is a cart into which an old call has put one since; whoever
        // gives a reference has but one.
        guard act < 4, act > 0 || !isForgotten || errand.way == .agreed else { return }
        if act > 1 { guard try await end(of: order) == .completed else { return } }
        world.faults.count(.lateRequest)
        switch act {
        case 0: _ = try await place()
        case 1: try await cancel(order, key: "late-cancel")
        default:
            // What came back once comes back no second time, and is promised no other refund.
            if act == 2, let units = errand.returns.first { return try await bringBack(order, "return-0", units) }
            try await bringBack(order, "late-return", 1)
        }
    }

    private func place() async throws -> String? {
        var goods: [String: Int] = [:]
        for wish in errand.wishes { goods[wish.sku, default: 0] += wish.units }
        let placed: OrdersContract.Order?
        switch errand.way {
        case .cart: placed = try await placeCart()
        case .lines: placed = try await placeLines()
        case .agreed: placed = try await placeAgreed()
        }
        guard let placed else { return nil }
        witness.placed(placed, customer: errand.customer, key: "order", goods: goods)
        // What was acknowledged is there, whichever replica answers.
        _ = try await look(at: placed.orderID)
        return placed.orderID
    }

    private func placeCart() async throws -> OrdersContract.Order? {
        // Who only repeats the order leaves the cart as it is.
        for wish in witness.order(of: errand.customer) == nil ? errand.wishes : [] {
            let line = PutLineRequest.with {
                $0.cartID = "me"
                $0.sku = wish.sku
                $0.quantity = UInt32(wish.units)
            }
            guard try await insist({ try await carts.putLine(line, context: $0) }, key: nil) != nil else { return nil }
        }
        let request = PlaceOrderRequest.with {
            $0.cartID = "me"
            $0.paymentMethod = errand.paymentMethod
        }
        return try await insist({ try await orders.placeOrder(request, context: $0) }, key: "order")?.order
    }

    private func placeLines() async throws -> OrdersContract.Order? {
        let request = PlaceOrderRequest.with {
            $0.paymentMethod = errand.paymentMethod
            $0.lines = errand.wishes.map { wish in
                .with {
                    $0.sku = wish.sku
                    $0.quantity = UInt32(wish.units)
                }
            }
        }
        return try await insist({ try await orders.placeOrder(request, context: $0) }, key: "order")?.order
    }

    private func placeAgreed() async throws -> OrdersContract.Order? {
        var request = PlaceAgreedOrderRequest.with {
            $0.reference = "reference-\(errand.customer)"
            $0.customerID = errand.customer
            $0.paymentMethod = errand.paymentMethod
            $0.lines = errand.wishes.map { wish in
                .with {
                    $0.sku = wish.sku
                    $0.quantity = UInt32(wish.units)
                    $0.unitPrice = UnitPrice(Amount(nanos: Int128(wish.price)), currency: "GBP")
                }
            }
        }
        if errand.postage > 0 {
            request.lines.append(
                .with {
                    $0.sku = "POST"
                    $0.quantity = 1
                    $0.service = true
                    $0.unitPrice = UnitPrice(Amount(nanos: Int128(errand.postage * Errand.pennyNanos)), currency: "GBP")
                }
            )
        }
        let agreed = request
        return try await insist(
            { try await orders.placeAgreedOrder(agreed, context: $0) },
            key: "order-\(errand.customer)",
            as: "merchant"
        )?.order
    }

    private func cancel(_ order: String, key: String) async throws {
        let request = CancelOrderRequest.with {
            $0.orderID = order
            $0.reason = "second thoughts"
        }
        let answer = try await insist(
            { try await orders.cancelOrder(request, context: $0) },
            key: key,
            accepting: ["orders.not_cancellable"]
        )
        guard answer != nil else { return witness.cancelRefused(order) }
        witness.cancelAccepted(order)
    }

    private func bringBack(_ order: String, _ id: String, _ units: Int) async throws {
        let request = ReturnOrderRequest.with {
            $0.orderID = order
            $0.returnID = id
            $0.lines = [
                .with {
                    $0.sku = errand.wishes[0].sku
                    $0.quantity = UInt32(units)
                }
            ]
        }
        let answer = try await insist(
            { try await orders.returnOrder(request, context: $0) },
            key: id,
            accepting: ["orders.return_exceeds_order"]
        )
        guard let answer else { return witness.returnRefused(order, id, units: units) }
        witness.returnAccepted(order, id, units: units, refund: answer.refund.minorUnits)
    }

    /// Watches the order to its end; its story never goes back.
    private func end(of order: String) async throws -> OrderStatus? {
        var (pause, rank) = (Self.look, 0)
        while true {
            guard let status = try await look(at: order) else { return nil }
            guard Self.rank(status) >= rank else {
                witness.saw(Violation(.readNotOwnWrite, "the order went back to \(status)", order))
                return status
            }
            rank = Self.rank(status)
            if rank == 2 { return status }
            // Whoever waits for ever keeps the audit from telling why.
            if let healed = world.healedAt, world.time.now > healed + patience { return nil }
            try await world.time.sleep(for: pause)
            pause = min(pause * 2, Self.lookLimit)
        }
    }

    private func look(at order: String) async throws -> OrderStatus? {
        let request = GetOrderRequest.with { $0.orderID = order }
        let found = try await insist(
            { try await orders.getOrder(request, context: $0) },
            key: nil,
            refusing: .readNotOwnWrite
        )
        return found?.order.status
    }

    private static func rank(_ status: OrderStatus) -> Int {
        switch status {
        case .completed, .rejected, .cancelled: 2
        case .confirmed: 1
        default: 0
        }
    }

    /// Asks until there is an answer; `nil` when it is refused.
    ///
    /// - Parameters:
    ///   - accepted: Refusals that this customer may get.
    ///   - broken: What any other refusal breaks.
    private func insist<R: Sendable>(
        _ call: (CallContext) async throws -> R,
        key: String?,
        as caller: String? = nil,
        accepting accepted: Set<String> = [],
        refusing broken: Invariant = .rejectedWithoutCause
    ) async throws -> R? {
        for _ in 0..<Self.repeatsLimit {
            let context = CallContext(
                deadline: world.time.now + errand.patience,
                principal: principal(caller),
                idempotencyKey: key
            )
            do { return try await call(context) } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code.outcome == .refused {
                    let reason = fault.reason.name
                    if !accepted.contains(reason) {
                        witness.saw(
                            Violation(broken, "\(errand.customer) was refused with \(reason): \(fault.message)")
                        )
                    }
                    return nil
                }
                try await world.time.sleep(for: .milliseconds(Int64(50 + entropy.number(below: 1_000))))
            }
        }
        witness.saw(Violation(.notConverged, "\(errand.customer) got no answer after \(Self.repeatsLimit) repeats"))
        return nil
    }

    private func principal(_ caller: String?) -> Principal {
        caller == nil
            ? Principal(kind: .user, id: errand.customer, scopes: ["orders:read", "orders:write"])
            : Principal(kind: .user, id: "merchant", scopes: ["orders:agreed-price", "orders:read"])
    }
}
