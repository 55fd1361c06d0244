import Console

/// A customer with a number; the country never changes.
struct SampleCustomer: Sendable {
    let number: String
    let country: String
}

/// The sample's customers, few of whom order often.
struct SampleCustomers: Sendable {
    static let count = 2900

    private let frequency: SampleWeights<SampleCustomer>

    init(dice: inout SeededDice) {
        var pairs: [(SampleCustomer, Int)] = []
        for rank in 0..<Self.count {
            let customer = SampleCustomer(
                number: String(12_346 + rank * 2),
                country: SampleShape.countries.draw(&dice)
            )
            pairs.append((customer, 2_500 + 1_000_000 / (rank + 9)))
        }
        frequency = SampleWeights(pairs)
    }

    func one(_ dice: inout SeededDice) -> SampleCustomer { frequency.draw(&dice) }
}
