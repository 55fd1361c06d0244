import MartletCore
import MartletTesting

/// What one customer wants, drawn from the seed before anything happens.
struct Errand: Sendable {
    enum Way: Sendable { case cart, lines, agreed }

    struct Wish: Sendable {
        let sku: String
        let units: Int
        /// In billionths of a pound: what the catalogue says, or what was agreed.
        let price: Int64
    }

    let customer: String
    let way: Way
    let wishes: [Wish]
    let paymentMethod: String
    /// When they come, after the doors have opened.
    let arrival: Duration
    /// Minor units of postage, for agreed orders.
    let postage: Int64
    /// After which they cancel, if they do.
    let secondThoughts: Duration?
    /// How many units of the first line they bring back, in how many returns.
    let returns: [Int]
    /// How long they wait for an answer before they ask again.
    let patience: Duration
    /// Whether they ask for everything at once: twice to cancel, or for all their returns.
    var isHasty = false
    /// Whether they ask to cancel beside their returns.
    var isTorn = false

    /// What they should pay, in pence: added up by hand, and rounded once.
    var worth: Int64 {
        let goods = wishes.reduce(0) { $0 + $1.price * Int64($1.units) }
        return Self.pence(goods + (way == .agreed ? postage * Self.pennyNanos : 0))
    }

    /// What they should get back for so many units of the first line, in pence.
    func worth(ofFirst units: Int) -> Int64 { Self.pence(wishes[0].price * Int64(units)) }

    static let pennyNanos: Int64 = 10_000_000

    /// - Parameter pence: What the catalogue says.
    static func price(_ way: Way, line: Int, pence: Int64) -> Int64 {
        // An agreed price has fractions of a penny, so that rounding has something to do.
        way == .agreed ? 1_234_500_000 + Int64(line) * 5_000_000 : pence * pennyNanos
    }

    /// Half to even.
    private static func pence(_ nanos: Int64) -> Int64 {
        let (whole, rest) = nanos.quotientAndRemainder(dividingBy: pennyNanos)
        let isUp = rest * 2 > pennyNanos || rest * 2 == pennyNanos && whole % 2 == 1
        return isUp ? whole + 1 : whole
    }
}

/// What is sold, and to whom.
struct Market: Sendable {
    static let skus = (0..<24).map { "sku-\($0)" }
    private static let waysOfPaying = [
        "pm_test_ok", "pm_test_ok", "pm_test_ok", "pm_test_by_amount", "pm_test_declined",
    ]

    /// In pence.
    let prices: [String: Int64]
    let opening: [String: Int]
    let errands: [Errand]
    /// How long customers keep coming.
    let day: Duration

    /// - Parameter orders: How many customers come.
    init(orders: Int, entropy: SeededEntropy) {
        func draw(_ bound: Int) -> Int { Int(entropy.number(below: UInt64(max(1, bound)))) }
        // One day in four is a sale: everybody wants the same few units.
        let isRush = draw(4) == 0
        let day = Duration.milliseconds(orders * (isRush ? 20 : 200))
        var prices: [String: Int64] = [:]
        var opening: [String: Int] = [:]
        for sku in Self.skus {
            prices[sku] = Int64(100 + draw(5_000))
            opening[sku] = isRush ? max(1, orders / 5) : draw(2 * orders) + 5
        }
        errands = (0..<orders).map { index in
            let lineCount = isRush ? 1 : draw(8) == 0 ? 10 : 1 + draw(3)
            var wanted = Self.skus
            let way: Errand.Way = [.cart, .lines, .lines, .agreed][draw(4)]
            let wishes = (0..<lineCount).map { line in
                let sku = isRush ? wanted[0] : wanted.remove(at: draw(wanted.count))
                let price = Errand.price(way, line: line, pence: prices[sku] ?? 0)
                return Errand.Wish(sku: sku, units: 1 + (isRush ? 0 : draw(4)), price: price)
            }
            return Errand(
                customer: "customer-\(index)",
                way: way,
                wishes: wishes,
                paymentMethod: Self.waysOfPaying[draw(Self.waysOfPaying.count)],
                arrival: day * entropy.fraction(),
                postage: draw(2) == 0 ? 0 : Int64(draw(900)),
                // Half of them while the checkout is at work.
                secondThoughts: draw(5) == 0 ? .milliseconds(draw(draw(2) == 0 ? 60 : 3_000)) : nil,
                returns: draw(5) == 0 ? (0...draw(2)).map { _ in 1 + draw(wishes[0].units) } : [],
                patience: .milliseconds(500 + draw(8_000)),
                isHasty: draw(2) == 0,
                isTorn: draw(3) == 0
            )
        }
        self.prices = prices
        self.opening = opening
        self.day = day
    }
}
