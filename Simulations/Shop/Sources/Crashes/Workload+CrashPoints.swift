import MartletCore

extension Workload {
    /// Longer than the restart of a crashed process takes.
    static let roundLength = Duration.seconds(6)

    /// In pence.
    private static let prices: [String: Int64] = ["sku-0": 1_999, "sku-1": 250]

    /// A minimal workload that passes every crash point more than once: customers who buy and return, have an agreed
    /// price, cannot pay, or cancel while the money is authorised.
    ///
    /// - Parameter rounds: How often the workload is repeated.
    static func crashPoints(_ rounds: Int) -> Workload {
        let scripts = (0..<rounds).flatMap { round in
            let begin = roundLength * round
            return [
                script("buyer-\(round)", .cart, at: begin, returns: [1]),
                script("agreeing-\(round)", .agreed, at: begin + .milliseconds(300), postage: 300),
                script("poor-\(round)", .lines, at: begin + .milliseconds(600), paying: "pm_test_declined"),
                script("wavering-\(round)", .lines, at: begin + .milliseconds(900), cancelDelay: .zero),
            ]
        }
        return Workload(
            prices: prices,
            openingStock: ["sku-0": 50, "sku-1": 50],
            scripts: scripts,
            duration: roundLength * rounds
        )
    }

    init(prices: [String: Int64], openingStock: [String: Int], scripts: [CustomerScript], duration: Duration) {
        self.prices = prices
        self.openingStock = openingStock
        self.scripts = scripts
        self.duration = duration
    }

    private static func script(
        _ customer: String,
        _ kind: CustomerScript.Kind,
        at arrival: Duration,
        paying method: String = "pm_test_ok",
        postage: Int64 = 0,
        cancelDelay: Duration? = nil,
        returns: [Int] = []
    ) -> CustomerScript {
        CustomerScript(
            customer: customer,
            kind: kind,
            lines: [
                .init(
                    sku: "sku-0",
                    units: 2,
                    price: CustomerScript.price(kind, line: 0, pence: prices["sku-0", default: 0])
                ),
                .init(
                    sku: "sku-1",
                    units: 1,
                    price: CustomerScript.price(kind, line: 1, pence: prices["sku-1", default: 0])
                ),
            ],
            paymentMethod: method,
            arrival: arrival,
            postage: postage,
            cancelDelay: cancelDelay,
            returns: returns,
            callTimeout: .seconds(3)
        )
    }
}
