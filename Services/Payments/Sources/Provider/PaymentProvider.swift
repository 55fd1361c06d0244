import MartletCore

/// An external payment provider.
///
/// Every call carries an idempotency key that is stored before the call; a repeat with the same key and arguments
/// returns the same result. A call that throws has an unknown outcome.
protocol PaymentProvider: Sendable {
    func authorise(_ payment: Payment, key: String, _ context: CallContext) async throws -> ProviderResult
    func capture(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderResult
    func void(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderResult
    func refund(
        _ providerID: String,
        _ refund: Refund,
        key: String,
        _ context: CallContext
    ) async throws -> ProviderResult
    /// The provider's payments with our reference, newest first; authoritative when a key gives no result.
    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView]
    /// The totals of the provider's ledger, by currency.
    func totals(_ context: CallContext) async throws -> [ProviderTotals]
}

enum ProviderResult: Sendable, Equatable {
    case done(ProviderView)
    /// The provider decided against it.
    case refused(String)
    /// The key replays a failure that the provider has stored; the step may still have happened.
    case storedFailure
}

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

/// A provider's totals in one currency, in minor units.
struct ProviderTotals: Sendable, Equatable {
    let currency: String
    let authorised: Int64
    let captured: Int64
    let refunded: Int64
}
