import CartsContract
import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import SharedContract
import SimulatedCluster
import SwiftProtobuf

/// Runs one customer's script: it retries unanswered requests with the same key, and records the responses.
struct SimulatedCustomer: Sendable {
    /// Maximum attempts of one request.
    private static let attemptsMax = 400
    private static let pollInterval = Duration.milliseconds(400)
    private static let pollIntervalMax = Duration.seconds(20)

    let script: CustomerScript
    let world: ShopWorld
    let observations: ClientObservations
    let entropy: SeededEntropy
    /// How long after the faults have healed the customer polls the order.
    let convergenceTime: Duration
    private let orders: OrdersClient
    private let carts: CartsClient

    init(
        _ script: CustomerScript,
        in world: ShopWorld,
        observations: ClientObservations,
        entropy: SeededEntropy,
        convergenceTime: Duration
    ) {
        self.script = script
        self.world = world
        self.observations = observations
        self.entropy = entropy
        self.convergenceTime = convergenceTime
        orders = OrdersClient(over: world.network.channel(from: world.outside, to: "orders"))
        carts = CartsClient(over: world.network.channel(from: world.outside, to: "carts"))
    }

    /// Places the order, and cancels it or returns units as the script states.
    func run() async throws {
        try await world.skippedTime.sleepExcluding(for: script.arrival)
        guard let order = try await placeOrder() else { return }
        try await requestLookAlikesOrder()
        if let delay = script.cancelDelay {
            try await world.time.sleep(for: delay)
            try await concurrently(script.isConcurrent ? ["cancel", "cancel-again"] : ["cancel"]) {
                try await cancel(order, key: $0)
            }
        }
        let status = try await finalStatus(of: order)
        guard status == .completed, !script.returns.isEmpty else { return }
        let returns = script.returns.enumerated().map { ("return-\($0.offset)", $0.element) }
        guard script.isConcurrent else {
            for (id, units) in returns { try await returnUnits(order, id, units: units) }
            return
        }
        try await concurrently(returns + (script.cancelsDuringReturns ? [("", 0)] : [])) { id, units in
            if units > 0 {
                try await returnUnits(order, id, units: units)
            } else {
                try await cancel(order, key: "torn")
            }
        }
    }

    private func concurrently<R: Sendable>(
        _ requests: [R],
        _ send: @escaping @Sendable (R) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for request in requests { group.addTask { try await send(request) } }
            try await group.waitForAll()
        }
    }

    /// Sends a late request, a repeated or a new one, long after all work has ended.
    ///
    /// - Parameter keysExpired: Whether the used idempotency keys have expired.
    func sendLateRequest(keysExpired: Bool) async throws {
        guard let order = observations.order(of: script.customer) else { return }
        // At least one customer sends a late request.
        let isFirst = world.faults.counts[.lateRequest] == nil
        let choice = isFirst ? 1 : entropy.number(below: 8)
        // Under an expired key, lines are a new order, and so is a cart to which a late call has added a line since; a
        // reference always identifies one order.
        guard choice < 4, choice > 0 || !keysExpired || script.kind == .agreed else { return }
        if choice > 1 { guard try await finalStatus(of: order) == .completed else { return } }
        world.faults.count(.lateRequest)
        switch choice {
        case 0: _ = try await placeOrder()
        case 1: try await cancel(order, key: "late-cancel")
        default:
            // A repeated return must neither be processed again nor get a different refund.
            if choice == 2, let units = script.returns.first {
                return try await returnUnits(order, "return-0", units: units)
            }
            try await returnUnits(order, "late-return", units: 1)
        }
    }

    private func placeOrder() async throws -> String? {
        var goods: [String: Int] = [:]
        for line in script.lines { goods[line.sku, default: 0] += line.units }
        let placed: OrdersContract.Order?
        switch script.kind {
        case .cart: placed = try await placeCart()
        case .lines: placed = try await placeLines()
        case .agreed: placed = try await placeAgreed()
        }
        guard let placed else { return nil }
        observations.placed(placed, customer: script.customer, key: "order", goods: goods)
        // Read-your-writes across replicas.
        _ = try await status(of: placed.orderID)
        return placed.orderID
    }

    private func placeCart() async throws -> OrdersContract.Order? {
        // A repeat of the order leaves the cart unchanged.
        for line in observations.order(of: script.customer) == nil ? script.lines : [] {
            let request = PutLineRequest.with {
                $0.cartID = "me"
                $0.sku = line.sku
                $0.quantity = UInt32(line.units)
            }
            let response = try await retry({ try await carts.putLine(request, context: $0) }, key: nil)
            guard response != nil else { return nil }
        }
        let request = PlaceOrderRequest.with {
            $0.cartID = "me"
            $0.paymentMethod = script.paymentMethod
        }
        return try await retry({ try await orders.placeOrder(request, context: $0) }, key: "order")?.order
    }

    private func placeLines() async throws -> OrdersContract.Order? {
        let request = PlaceOrderRequest.with {
            $0.paymentMethod = script.paymentMethod
            $0.lines = script.lines.map { line in
                .with {
                    $0.sku = line.sku
                    $0.quantity = UInt32(line.units)
                }
            }
        }
        return try await retry({ try await orders.placeOrder(request, context: $0) }, key: "order")?.order
    }

    private func placeAgreed() async throws -> OrdersContract.Order? {
        var request = PlaceAgreedOrderRequest.with {
            $0.reference = "reference-\(script.customer)"
            $0.customerID = script.customer
            $0.paymentMethod = script.paymentMethod
            $0.lines = script.lines.map { line in
                .with {
                    $0.sku = line.sku
                    $0.quantity = UInt32(line.units)
                    $0.unitPrice = UnitPrice(Amount(nanos: Int128(line.price)), currency: "GBP")
                }
            }
        }
        if script.postage > 0 {
            request.lines.append(
                .with {
                    $0.sku = "POST"
                    $0.quantity = 1
                    $0.service = true
                    $0.unitPrice = UnitPrice(
                        Amount(nanos: Int128(script.postage * CustomerScript.pennyNanos)),
                        currency: "GBP"
                    )
                }
            )
        }
        let agreed = request
        return try await retry(
            { try await orders.placeAgreedOrder(agreed, context: $0) },
            key: "order-\(script.customer)",
            as: "merchant"
        )?.order
    }

    private func cancel(_ order: String, key: String) async throws {
        let request = CancelOrderRequest.with {
            $0.orderID = order
            $0.reason = "second thoughts"
        }
        let response = try await retry(
            { try await orders.cancelOrder(request, context: $0) },
            key: key,
            accepting: ["orders.not_cancellable"]
        )
        guard response != nil else { return observations.cancelRefused(order) }
        observations.cancelAccepted(order)
    }

    private func returnUnits(_ order: String, _ id: String, units: Int) async throws {
        let request = ReturnOrderRequest.with {
            $0.orderID = order
            $0.returnID = id
            $0.lines = [
                .with {
                    $0.sku = script.lines[0].sku
                    $0.quantity = UInt32(units)
                }
            ]
        }
        let response = try await retry(
            { try await orders.returnOrder(request, context: $0) },
            key: id,
            accepting: ["orders.return_exceeds_order"]
        )
        guard let response else { return observations.returnRefused(order, id, units: units) }
        observations.returnAccepted(order, id, units: units, refund: response.refund.minorUnits)
    }

    /// Polls the order until its status is final; the status must never go back.
    private func finalStatus(of order: String) async throws -> OrderStatus? {
        var (interval, rank) = (Self.pollInterval, 0)
        while true {
            guard let status = try await status(of: order) else { return nil }
            guard Self.rank(status) >= rank else {
                observations.record(Violation(.readNotOwnWrite, "the order went back to \(status)", of: order))
                return status
            }
            rank = Self.rank(status)
            if rank == 2 { return status }
            // An endless wait would hide the cause from the invariant checker.
            if let healed = world.healedAt, world.time.now > healed + convergenceTime { return nil }
            try await world.time.sleep(for: interval)
            interval = min(interval * 2, Self.pollIntervalMax)
        }
    }

    private func status(of order: String) async throws -> OrderStatus? {
        let request = GetOrderRequest.with { $0.orderID = order }
        let found = try await retry(
            { try await orders.getOrder(request, context: $0) },
            key: nil,
            refusing: .readNotOwnWrite
        )
        return found?.order.status
    }

    /// Requests the order of the customer whose name looks the same: only its owner may see it.
    private func requestLookAlikesOrder() async throws {
        guard let other = script.lookAlike, let order = observations.order(of: other) else { return }
        let request = GetOrderRequest.with { $0.orderID = order }
        let found = try await retry(
            { try await orders.getOrder(request, context: $0) },
            key: nil,
            accepting: ["orders.unknown_order"]
        )
        guard found != nil else { return }
        observations.record(Violation(.readNotOwnWrite, "\(script.customer) read the order of \(other)", of: order))
    }

    private static func rank(_ status: OrderStatus) -> Int {
        switch status {
        case .completed, .rejected, .cancelled: 2
        case .confirmed: 1
        default: 0
        }
    }

    /// Retries until there is a response; `nil` when it is refused.
    ///
    /// - Parameters:
    ///   - accepted: Refusals that are not a violation.
    ///   - broken: The invariant that any other refusal violates.
    private func retry<R: Sendable>(
        _ call: (CallContext) async throws -> R,
        key: String?,
        as caller: String? = nil,
        accepting accepted: Set<String> = [],
        refusing broken: Invariant = .rejectedWithoutCause
    ) async throws -> R? {
        for _ in 0..<Self.attemptsMax {
            let context = CallContext(
                deadline: world.time.now + script.callTimeout,
                principal: principal(caller),
                idempotencyKey: key
            )
            do { return try await call(context) } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code.outcome == .refused {
                    let reason = fault.reason.name
                    if !accepted.contains(reason) {
                        observations.record(
                            Violation(broken, "\(script.customer) was refused with \(reason): \(fault.message)")
                        )
                    }
                    return nil
                }
                try await world.time.sleep(for: .milliseconds(Int64(50 + entropy.number(below: 1_000))))
            }
        }
        observations.record(
            Violation(.notConverged, "\(script.customer) got no response in \(Self.attemptsMax) attempts")
        )
        return nil
    }

    private func principal(_ caller: String?) -> Principal {
        caller == nil
            ? Principal(kind: .user, id: ExactText(script.customer), scopes: ["orders:read", "orders:write"])
            : Principal(kind: .user, id: "merchant", scopes: ["orders:agreed-price", "orders:read"])
    }
}
