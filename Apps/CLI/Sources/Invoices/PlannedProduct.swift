/// One product of the catalogue: a stock code of goods that the file names anywhere.
struct PlannedProduct: Equatable, Sendable {
    struct Price: Equatable, Sendable {
        /// The first second of the month from which the price holds.
        let effective: InvoiceDate
        let price: Mills
    }

    /// The stock code as it is written; letter case counts.
    let sku: String
    /// The most frequent description of its rows with a price, else of all, the first of equals; else the code.
    let name: String
    /// How many different descriptions its rows have, an empty one not counted.
    let descriptions: Int
    /// Per month the most frequent price of its sale rows, the first of equals, where it differs from the month before.
    ///
    /// By date. What customers with a number paid; what guests paid, when no other bought it. Empty when the file never
    /// sells the code.
    let prices: [Price]
    /// The units that make every order and every stock loss possible, in whatever sequence they come.
    let openingUnits: Int

    /// What to receive before the orders come.
    func opening(at factor: StockFactor) -> Int { factor.of(openingUnits) }
}
