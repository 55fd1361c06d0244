/// The part of the full opening stock that is received: 1 is all, 0.9 is scarce.
///
/// Exact to three decimal places, from 0 to 100.
struct StockFactor: Equatable, Sendable {
    static let full = StockFactor(permille: 1000)

    let permille: Int

    private init(permille: Int) { self.permille = permille }

    /// Reads a decimal such as `1`, `0.9` or `1.25`; `nil` for anything else.
    init?(argument: String) {
        guard let mills = Mills(reading: argument.utf8), 0...100_000 ~= mills.rawValue else { return nil }
        permille = Int(mills.rawValue)
    }

    /// The part of `units` that is received, rounded down.
    func of(_ units: Int) -> Int { units * permille / 1000 }
}
