import MartletCore
import SharedContract

/// A price and when it takes effect.
struct DatedPrice: Sendable, Equatable {
    let price: UnitPrice
    let effectiveFrom: Timestamp
}
