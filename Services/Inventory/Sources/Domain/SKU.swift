/// A stock keeping unit's code, case-sensitive.
struct SKU: Sendable, Hashable, Comparable {
    let code: String

    init(_ code: String) { self.code = code }

    static func < (left: SKU, right: SKU) -> Bool { left.code < right.code }
}
