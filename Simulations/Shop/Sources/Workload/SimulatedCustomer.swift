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
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await putLaterLine(after: order) }
            group.addTask { try await cancelOrReturn(order) }
            try await group.waitForAll()
        }
    }

    /// Puts another product into the cart, while the order is in flight.
    private func putLaterLine(after order: String) async throws {
        guard let line = script.laterLine, try await put(line) != nil else { return }
        observations.laterLinePut(order, line.sku, units: line.units)
    }

    private func cancelOrReturn(_ order: String) async throws {
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
        let shown = observations.request(of: script.customer)?.expectedTotal.minorUnits ?? script.expectedTotal()
        observations.placed(placed, customer: script.customer, key: "order", goods: goods, shown: shown)
        // Read-your-writes across replicas.
        _ = try await status(of: placed.orderID)
        return placed.orderID
    }

    /// Sets the quantity of a product in the cart; `nil` when that is refused.
    private func put(_ line: CustomerScript.OrderLine) async throws -> Cart? {
        let request = PutLineRequest.with {
            $0.cartID = "me"
            $0.sku = line.sku
            $0.quantity = UInt32(line.units)
        }
        return try await retry({ try await carts.putLine(request, context: $0) }, key: nil)?.cart
    }

    private func placeCart() async throws -> OrdersContract.Order? {
        // A repeat of the order leaves the cart unchanged.
        if let known = observations.request(of: script.customer) { return try await place(known) { _ in nil } }
        for line in script.lines { guard try await put(line) != nil else { return nil } }
        guard let request = try await requestAsShown() else { return nil }
        // A cart that is empty now was ordered by an earlier attempt of the request.
        return try await place(request) { try await requestAsShown() ?? $0 }
    }

    /// A request for the cart as the customer is shown it now; `nil` when it is empty.
    private func requestAsShown() async throws -> PlaceOrderRequest? {
        let request = GetCartRequest.with { $0.cartID = "me" }
        guard let cart = try await retry({ try await carts.getCart(request, context: $0) }, key: nil)?.cart,
            !cart.lines.isEmpty
        else { return nil }
        return .with {
            $0.cartID = "me"
            $0.paymentMethod = script.paymentMethod
            $0.expectedTotal = cart.total
            $0.expectedRevision = cart.revision
        }
    }

    /// Orders at the first prices of the catalogue, and at the raised ones when they have become effective.
    private func placeLines() async throws -> OrdersContract.Order? {
        if let known = observations.request(of: script.customer) { return try await place(known) { _ in nil } }
        func request(raised: Bool) -> PlaceOrderRequest {
            .with {
                $0.paymentMethod = script.paymentMethod
                $0.expectedTotal = Money(script.expectedTotal(raised: raised), currency: "GBP")
                $0.lines = script.lines.map { line in
                    .with {
                        $0.sku = line.sku
                        $0.quantity = UInt32(line.units)
                    }
                }
            }
        }
        let (first, raised) = (request(raised: false), request(raised: true))
        // The catalogue's clock may run back.
        return try await place(first) { first == raised ? nil : $0 == first ? raised : first }
    }

    /// Sends a request; when prices are no longer those that the customer was shown, sends it with those of `next`.
    ///
    /// - Parameter next: Gets the refused request; `nil` when it should not have been refused.
    private func place(
        _ first: PlaceOrderRequest,
        next: (PlaceOrderRequest) async throws -> PlaceOrderRequest?
    ) async throws -> OrdersContract.Order? {
        let (changed, reused): (Reason, Reason) = ("orders.not_as_expected", .idempotencyKeyReused)
        var (request, earlier) = (first, [PlaceOrderRequest]())
        for _ in 0..<Self.attemptsMax {
            let current = request
            let accepted: Set<String> = [changed.name, reused.name]
            switch try await outcome(
                { try await orders.placeOrder(current, context: $0) },
                key: "order",
                accepting: accepted
            ) {
            case .answered(let response):
                observations.acknowledged(current, by: script.customer)
                return response.order
            case .refused(changed.name):
                guard let other = try await next(current) else { return refused(current, changed) }
                earlier.append(current)
                request = other
            case .refused(reused.name):
                // An attempt of an earlier request, which was not answered, has placed the order after all.
                guard let other = earlier.popLast() else { return refused(current, reused) }
                request = other
            case .refused, .unanswered: return nil
            }
        }
        return nil
    }

    private func refused(_ request: PlaceOrderRequest, _ reason: Reason) -> OrdersContract.Order? {
        let shown = request.expectedTotal.minorUnits
        observations.record(
            Violation(.rejectedWithoutCause, "\(script.customer) was shown \(shown) and refused with \(reason.name)")
        )
        return nil
    }

    private func service(_ sku: String, pence: Int64) -> AgreedLine {
        .with {
            $0.sku = sku
            $0.quantity = 1
            $0.service = true
            $0.unitPrice = UnitPrice(Amount(nanos: Int128(pence * CustomerScript.pennyNanos)), currency: "GBP")
        }
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
        if script.postage > 0 { request.lines.append(service("POST", pence: script.postage)) }
        if script.discount > 0 {
            if script.isDiscountOfFirstLine {
                // As merchants write it: before its goods, and not as a service.
                var discount = service(script.lines[0].sku, pence: -script.discount)
                discount.service = false
                request.lines.insert(discount, at: 0)
            } else {
                request.lines.append(service("OFF", pence: -script.discount))
            }
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
            $0.reason = CustomerTextCheck.words + script.customer
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
        let outcome = try await outcome(call, key: key, as: caller, accepting: accepted, refusing: broken)
        return if case .answered(let response) = outcome { response } else { nil }
    }

    private enum Outcome<R: Sendable>: Sendable {
        case answered(R)
        /// With this reason.
        case refused(String)
        case unanswered
    }

    private func outcome<R: Sendable>(
        _ call: (CallContext) async throws -> R,
        key: String?,
        as caller: String? = nil,
        accepting accepted: Set<String>,
        refusing broken: Invariant = .rejectedWithoutCause
    ) async throws -> Outcome<R> {
        for _ in 0..<Self.attemptsMax {
            let context = CallContext(
                deadline: world.time.now + script.callTimeout,
                principal: principal(caller),
                idempotencyKey: key
            )
            do { return .answered(try await call(context)) } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code.outcome == .refused {
                    let reason = fault.reason.name
                    if !accepted.contains(reason) {
                        observations.record(
                            Violation(broken, "\(script.customer) was refused with \(reason): \(fault.message)")
                        )
                    }
                    return .refused(reason)
                }
                try await world.time.sleep(for: .milliseconds(Int64(50 + entropy.number(below: 1_000))))
            }
        }
        observations.record(
            Violation(.notConverged, "\(script.customer) got no response in \(Self.attemptsMax) attempts")
        )
        return .unanswered
    }

    private func principal(_ caller: String?) -> Principal {
        caller == nil
            ? Principal(user: ExactText(script.customer), scopes: ["orders:read", "orders:write"])
            : Principal(user: "merchant", scopes: ["orders:agreed-price", "orders:read"])
    }
}
