import MartletCore

extension Market {
    /// Longer than what crashed takes to be started again.
    static let rehearsal = Duration.seconds(6)

    /// In pence.
    private static let prices: [String: Int64] = ["sku-0": 1_999, "sku-1": 250]

    /// As few customers as lead through every crash point, more than once: who buy and bring back, agree a price, cannot pay,
    /// and change their minds while the money is set aside.
    ///
    /// - Parameter rounds: How often everything is done.
    static func rehearsed(_ rounds: Int) -> Market {
        let errands = (0..<rounds).flatMap { round in
            let begin = rehearsal * round
            return [
                errand("buyer-\(round)", .cart, at: begin, returns: [1]),
                errand("agreeing-\(round)", .agreed, at: begin + .milliseconds(300), postage: 300),
                errand("poor-\(round)", .lines, at: begin + .milliseconds(600), paying: "pm_test_declined"),
                errand("wavering-\(round)", .lines, at: begin + .milliseconds(900), secondThoughts: .zero),
            ]
        }
        return Market(
            prices: prices,
            opening: ["sku-0": 50, "sku-1": 50],
            errands: errands,
            day: rehearsal * rounds
        )
    }

    init(prices: [String: Int64], opening: [String: Int], errands: [Errand], day: Duration) {
        self.prices = prices
        self.opening = opening
        self.errands = errands
        self.day = day
    }

    private static func errand(
        _ customer: String,
        _ way: Errand.Way,
        at arrival: Duration,
        paying method: String = "pm_test_ok",
        postage: Int64 = 0,
        secondThoughts: Duration? = nil,
        returns: [Int] = []
    ) -> Errand {
        Errand(
            customer: customer,
            way: way,
            wishes: [
                .init(sku: "sku-0", units: 2, price: Errand.price(way, line: 0, pence: prices["sku-0", default: 0])),
                .init(sku: "sku-1", units: 1, price: Errand.price(way, line: 1, pence: prices["sku-1", default: 0])),
            ],
            paymentMethod: method,
            arrival: arrival,
            postage: postage,
            secondThoughts: secondThoughts,
            returns: returns,
            patience: .seconds(3)
        )
    }
}
