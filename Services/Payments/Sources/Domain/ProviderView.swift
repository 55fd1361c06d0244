/// A payment as the provider reports it.
struct ProviderView: Sendable, Equatable {
    enum Status: Sendable, Equatable { case authorised, captured, cancelled, declined }

    let providerID: String
    let status: Status
    let amount: Int64
    let refunded: Int64
    /// Our ids of its refunds.
    let refunds: [String]
}
