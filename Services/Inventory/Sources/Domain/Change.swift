/// How the available and the on-hand units of one location change.
struct Change: Sendable, Equatable {
    let location: StockLocation
    let available: Int
    let onHand: Int
}
