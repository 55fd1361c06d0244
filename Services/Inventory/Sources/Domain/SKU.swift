import MartletCore

/// A stock keeping unit's code, compared by its bytes.
struct SKU: Sendable, Hashable, Comparable {
    let code: ExactText

    init(_ code: String) { self.code = ExactText(code) }

    static func < (left: SKU, right: SKU) -> Bool { left.code < right.code }
}
