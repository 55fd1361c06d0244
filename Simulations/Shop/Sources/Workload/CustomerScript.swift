import MartletCore
import MartletTesting

/// The script of one customer, drawn from the seed before the run.
struct CustomerScript: Sendable {
    enum Kind: Sendable { case cart, lines, agreed }

    struct OrderLine: Sendable {
        let sku: String
        let units: Int
        /// In billionths of a pound: the catalogue price, or the agreed price.
        let price: Int64
        /// The catalogue price after the prices were raised; `nil` for an agreed price, and one that stays.
        var raisedPrice: Int64?

        func price(raised: Bool) -> Int64 { raised ? raisedPrice ?? price : price }
    }

    let customer: String
    /// The customer whose name has other bytes and looks the same; `nil` for none.
    var lookAlike: String?
    let kind: Kind
    let lines: [OrderLine]
    let paymentMethod: String
    /// After the start of the workload.
    let arrival: Duration
    /// Minor units of postage, for agreed orders.
    let postage: Int64
    /// Minor units of a discount, for agreed orders.
    var discount: Int64 = 0
    /// Whether the discount has the SKU of the first line, and so concerns it; else it concerns the whole order.
    var isDiscountOfFirstLine = false
    /// What is put into the cart right after its order was placed; `nil` without a cart.
    var laterLine: OrderLine?
    /// After which the customer cancels; `nil` without a cancel.
    let cancelDelay: Duration?
    /// The units of the first line in each return.
    let returns: [Int]
    /// How long the customer waits for a response before a retry.
    let callTimeout: Duration
    /// Whether cancels (two) and returns are sent concurrently.
    var isConcurrent = false
    /// Whether a cancel is sent concurrently with the returns.
    var cancelsDuringReturns = false

    /// The total that the customer expects, in pence: summed exactly, and rounded once.
    ///
    /// - Parameter raised: Whether the prices of the catalogue were raised.
    func expectedTotal(raised: Bool = false) -> Int64 {
        let goods = lines.reduce(0) { $0 + $1.price(raised: raised) * Int64($1.units) }
        return Self.pence(goods + (kind == .agreed ? (postage - discount) * Self.pennyNanos : 0))
    }

    /// The refund that the customer expects for this many units of the first line, in pence: what was paid for them.
    func expectedRefund(ofFirst units: Int, raised: Bool = false) -> Int64 {
        // A part of the line bears its part of the line's discount, rounded down to nanos.
        let discount = firstLineDiscount * Int64(units) / Int64(lines[0].units)
        return Self.pence(lines[0].price(raised: raised) * Int64(units) - discount)
    }

    /// The first line's part of the discount in nanos, by largest remainder over all lines; it is first of equals.
    ///
    /// Of a discount of its own it bears all that it is worth.
    private var firstLineDiscount: Int64 {
        guard kind == .agreed, discount > 0 else { return 0 }
        if isDiscountOfFirstLine { return min(discount * Self.pennyNanos, lines[0].price * Int64(lines[0].units)) }
        let values = (lines.map { $0.price * Int64($0.units) } + [postage * Self.pennyNanos]).map { Int128($0) }
        let (total, nanos) = (values.reduce(0, +), Int128(discount * Self.pennyNanos))
        let parts = values.map { (nanos * $0).quotientAndRemainder(dividingBy: total) }
        let left = nanos - parts.reduce(0) { $0 + $1.quotient }
        let ahead = parts.count { $0.remainder > parts[0].remainder }
        return Int64(parts[0].quotient) + (ahead < left ? 1 : 0)
    }

    static let pennyNanos: Int64 = 10_000_000

    /// - Parameter pence: The catalogue price.
    static func price(_ kind: Kind, line: Int, pence: Int64) -> Int64 {
        // An agreed price has fractions of a penny, so that rounding matters.
        kind == .agreed ? 1_234_500_000 + Int64(line) * 5_000_000 : pence * pennyNanos
    }

    /// Rounds half to even.
    private static func pence(_ nanos: Int64) -> Int64 {
        let (whole, rest) = nanos.quotientAndRemainder(dividingBy: pennyNanos)
        let isUp = rest * 2 > pennyNanos || rest * 2 == pennyNanos && whole % 2 == 1
        return isUp ? whole + 1 : whole
    }
}

/// The products, the opening stock, and the customers' scripts.
struct Workload: Sendable {
    static let skus = (0..<24).map { "sku-\($0)" }
    private static let paymentMethods = [
        "pm_test_ok", "pm_test_ok", "pm_test_ok", "pm_test_by_amount", "pm_test_declined",
    ]

    /// Two customers at a time have names that Unicode equates: with the letter K, and with the Kelvin sign.
    private static func name(of index: Int) -> String {
        "customer-\(index % 2 == 0 ? "K" : "\u{212A}")\(index / 2)"
    }

    /// In pence.
    let prices: [String: Int64]
    /// The later prices of some products, in pence, and when they become effective: after the start of the workload.
    var raisedPrices: [String: Int64] = [:]
    var raiseDelay = Duration.zero
    var openingStock: [String: Int]
    let scripts: [CustomerScript]
    /// The time in which customers arrive.
    let duration: Duration

    /// - Parameter orders: The number of customers.
    init(orders: Int, entropy: SeededEntropy) {
        func draw(_ bound: Int) -> Int { Int(entropy.number(below: UInt64(max(1, bound)))) }
        // One workload in four is a rush: all customers order the same few units.
        let isRush = draw(4) == 0
        let duration = Duration.milliseconds(orders * (isRush ? 20 : 200))
        var prices: [String: Int64] = [:]
        var raised: [String: Int64] = [:]
        var openingStock: [String: Int] = [:]
        for sku in Self.skus {
            prices[sku] = Int64(100 + draw(5_000))
            if draw(3) == 0 { raised[sku] = prices[sku, default: 0] + Int64(1 + draw(2_000)) }
            openingStock[sku] = isRush ? max(1, orders / 5) : draw(2 * orders) + 5
        }
        scripts = (0..<orders).map { index in
            let lineCount = isRush ? 1 : draw(8) == 0 ? 10 : 1 + draw(3)
            var remaining = Self.skus
            let kind: CustomerScript.Kind = [.cart, .lines, .lines, .agreed][draw(4)]
            let lines = (0..<lineCount).map { line in
                let sku = isRush ? remaining[0] : remaining.remove(at: draw(remaining.count))
                let price = CustomerScript.price(kind, line: line, pence: prices[sku] ?? 0)
                return CustomerScript.OrderLine(
                    sku: sku,
                    units: 1 + (isRush ? 0 : draw(4)),
                    price: price,
                    raisedPrice: kind == .agreed ? nil : raised[sku].map { $0 * CustomerScript.pennyNanos }
                )
            }
            let goodsPence = lines.reduce(0) { $0 + $1.price * Int64($1.units) } / CustomerScript.pennyNanos
            var script = CustomerScript(
                customer: Self.name(of: index),
                lookAlike: index ^ 1 < orders ? Self.name(of: index ^ 1) : nil,
                kind: kind,
                lines: lines,
                paymentMethod: Self.paymentMethods[draw(Self.paymentMethods.count)],
                arrival: duration * entropy.fraction(),
                postage: draw(2) == 0 ? 0 : Int64(draw(900)),
                discount: draw(2) == 0 ? 0 : Int64(draw(Int(goodsPence))),
                laterLine: kind == .cart
                    ? .init(sku: remaining[remaining.count - 1], units: 1 + draw(3), price: 0) : nil,
                // Half of the cancels while the checkout runs.
                cancelDelay: draw(5) == 0 ? .milliseconds(draw(draw(2) == 0 ? 60 : 3_000)) : nil,
                returns: draw(5) == 0 ? (0...draw(2)).map { _ in 1 + draw(lines[0].units) } : [],
                callTimeout: .milliseconds(500 + draw(8_000)),
                isConcurrent: draw(2) == 0,
                cancelsDuringReturns: draw(3) == 0
            )
            // Every second discount, without another draw.
            script.isDiscountOfFirstLine = script.discount % 2 == 1
            return script
        }
        self.prices = prices
        raisedPrices = raised
        raiseDelay = duration * entropy.fraction()
        self.openingStock = openingStock
        self.duration = duration
    }
}
