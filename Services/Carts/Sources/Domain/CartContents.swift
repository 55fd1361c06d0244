/// The lines of a cart in its present version.
struct CartContents: Sendable, Equatable {
    struct Line: Sendable, Equatable {
        let sku: String
        var units: LineUnits
    }

    /// Grows with every change of the lines, also when the cart was deleted since; 0 before the first.
    var version = 0
    /// Identifies the lines; `nil` for a cart that has none, and was not changed since an order took them.
    var revision: String?
    /// By SKU.
    var lines: [Line] = []

    /// The version in which the oldest units were put into the cart; `nil` without lines.
    var oldestVersion: Int? { lines.compactMap(\.units.parts.first?.since).min() }
}
