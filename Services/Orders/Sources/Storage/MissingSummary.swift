/// The read model has no row for an order that has events: one was written without the other.
struct MissingSummary: Error, Equatable {
    let orderID: String
}
