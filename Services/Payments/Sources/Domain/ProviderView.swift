import MartletCore

/// A payment as the provider reports it.
struct ProviderView: Sendable, Equatable {
    enum Status: String, Sendable, Equatable { case authorised, captured, cancelled, declined }

    /// A refund, under our id.
    struct Refund: Sendable, Equatable {
        let id: ExactText
        /// Minor units.
        let amount: Int64
    }

    let providerID: String
    let status: Status
    let currency: String
    /// Minor units, as the next two.
    let amount: Int64
    let captured: Int64
    let refunded: Int64
    let refunds: [Refund]
}
