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
    var expectedTotal: Int64 {
        let goods = lines.reduce(0) { $0 + $1.price * Int64($1.units) }
        return Self.pence(goods + (kind == .agreed ? postage * Self.pennyNanos : 0))
    }

    /// The refund that the customer expects for this many units of the first line, in pence.
    func expectedRefund(ofFirst units: Int) -> Int64 { Self.pence(lines[0].price * Int64(units)) }

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
    let openingStock: [String: Int]
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
        var openingStock: [String: Int] = [:]
        for sku in Self.skus {
            prices[sku] = Int64(100 + draw(5_000))
            openingStock[sku] = isRush ? max(1, orders / 5) : draw(2 * orders) + 5
        }
        scripts = (0..<orders).map { index in
            let lineCount = isRush ? 1 : draw(8) == 0 ? 10 : 1 + draw(3)
            var remaining = Self.skus
            let kind: CustomerScript.Kind = [.cart, .lines, .lines, .agreed][draw(4)]
            let lines = (0..<lineCount).map { line in
                let sku = isRush ? remaining[0] : remaining.remove(at: draw(remaining.count))
                let price = CustomerScript.price(kind, line: line, pence: prices[sku] ?? 0)
                return CustomerScript.OrderLine(sku: sku, units: 1 + (isRush ? 0 : draw(4)), price: price)
            }
            return CustomerScript(
                customer: Self.name(of: index),
                lookAlike: index ^ 1 < orders ? Self.name(of: index ^ 1) : nil,
                kind: kind,
                lines: lines,
                paymentMethod: Self.paymentMethods[draw(Self.paymentMethods.count)],
                arrival: duration * entropy.fraction(),
                postage: draw(2) == 0 ? 0 : Int64(draw(900)),
                // Half of the cancels while the checkout runs.
                cancelDelay: draw(5) == 0 ? .milliseconds(draw(draw(2) == 0 ? 60 : 3_000)) : nil,
                returns: draw(5) == 0 ? (0...draw(2)).map { _ in 1 + draw(lines[0].units) } : [],
                callTimeout: .milliseconds(500 + draw(8_000)),
                isConcurrent: draw(2) == 0,
                cancelsDuringReturns: draw(3) == 0
            )
        }
        self.prices = prices
        self.openingStock = openingStock
        self.duration = duration
    }
}
