/// One product of the catalogue: a stock code of goods that occurs in the file.
struct PlannedProduct: Equatable, Sendable {
    struct Price: Equatable, Sendable {
        /// The first second of the month from which the price is valid.
        let effective: InvoiceDate
        let price: Mills
    }

    /// The stock code; case-sensitive.
    let sku: String
    /// The line of its first row in the file.
    let line: Int
    /// The most frequent description of its rows with a price, otherwise of all rows, otherwise the code.
    let name: String
    /// The number of distinct non-empty descriptions of its rows.
    let descriptions: Int
    /// The most frequent price of its sale rows per month, where it differs from the month before, by date.
    ///
    /// From customers with a number; from guests when no other customer bought it. Empty without a sale in the file.
    let prices: [Price]
    /// The units that suffice for every order and every stock loss, in any sequence.
    let openingUnits: Int

    /// The units to receive before the orders are sent.
    func opening(at factor: StockFactor) -> Int { factor.of(openingUnits) }
}
