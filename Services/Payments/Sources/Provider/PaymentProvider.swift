import MartletCore

/// A stranger's system that moves money: a card processor.
///
/// Every call carries a key that is stored before the call; a repeat with the same key and arguments answers the same.
/// A call that throws left its outcome unknown.
protocol PaymentProvider: Sendable {
    func authorise(_ payment: Payment, key: String, _ context: CallContext) async throws -> ProviderAnswer
    func capture(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderAnswer
    func void(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderAnswer
    func refund(
        _ providerID: String,
        _ refund: Refund,
        key: String,
        _ context: CallContext
    ) async throws -> ProviderAnswer
    /// What the provider knows under our reference, newest first: the truth when a key cannot tell.
    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView]
    /// What its own ledger says, by currency.
    func totals(_ context: CallContext) async throws -> [ProviderTotals]
}

enum ProviderAnswer: Sendable, Equatable {
    case done(ProviderView)
    /// The provider decided against it.
    case refused(String)
    /// The key replays a failure that the provider has stored: nobody learns by it what happened.
    case storedFailure
}

/// A payment as the provider sees it.
struct ProviderView: Sendable, Equatable {
    enum Status: Sendable, Equatable { case authorised, captured, cancelled, declined }

    let providerID: String
    let status: Status
    let amount: Int64
    let refunded: Int64
    /// Our ids of its refunds.
    let refunds: [String]
}

/// What a provider holds and has moved in one currency, in minor units.
struct ProviderTotals: Sendable, Equatable {
    let currency: String
    let authorised: Int64
    let captured: Int64
    let refunded: Int64
}
