import MartletCore
import MartletTesting

/// What one customer wants, drawn from the seed before anything happens.
struct Errand: Sendable {
    enum Way: Sendable { case cart, lines, agreed }

    struct Wish: Sendable {
        let sku: String
        let units: Int
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
            let wishes = (0..<lineCount).map { _ in
                let sku = isRush ? wanted[0] : wanted.remove(at: draw(wanted.count))
                return Errand.Wish(sku: sku, units: 1 + (isRush ? 0 : draw(4)))
            }
            let way: Errand.Way = [.cart, .lines, .lines, .agreed][draw(4)]
            return Errand(
                customer: "customer-\(index)",
                way: way,
                wishes: wishes,
                paymentMethod: Self.waysOfPaying[draw(Self.waysOfPaying.count)],
                arrival: day * entropy.fraction(),
                postage: draw(2) == 0 ? 0 : Int64(draw(900)),
                secondThoughts: draw(6) == 0 ? .milliseconds(draw(3_000)) : nil,
                returns: draw(5) == 0 ? (0...draw(2)).map { _ in 1 + draw(wishes[0].units) } : [],
                patience: .milliseconds(500 + draw(8_000))
            )
        }
        self.prices = prices
        self.opening = opening
        self.day = day
    }
}
