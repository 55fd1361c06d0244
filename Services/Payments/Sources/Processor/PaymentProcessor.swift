import MartletCore
import MartletSQL

/// Runs the steps of a payment: stores the idempotency key, calls the provider, stores the result.
///
/// A repeat after a crash, or a concurrent call, uses the same key and so gets the same result. The caller retries a
/// step that throws an unknown outcome.
struct PaymentProcessor: Sendable {
    /// Stripe stores keys for 24 hours; with an older key the payment is looked up first.
    static let keyLifetime = Duration.seconds(23 * 3600)
    /// How many keys stored failures may use up before an operator must decide.
    static let attemptsLimit = 5

    let database: any SQLDatabase
    let store: PaymentStore
    let provider: any PaymentProvider

    /// Calls the provider, and looks the payment up when the key gives no result.
    ///
    /// - Parameters:
    ///   - keySince: When the key was stored: an expired key no longer deduplicates.
    ///   - call: The provider call with the current key.
    ///   - isDone: Whether the provider's payment shows that this step happened.
    /// - Returns: `nil` when the step certainly did not happen and the key is used up: a new key is needed.
    func callProvider(
        _ reference: String,
        keySince: Timestamp,
        now: Timestamp,
        _ context: CallContext,
        call: () async throws -> ProviderResult,
        isDone: (ProviderView) -> Bool
    ) async throws -> ProviderResult? {
        if now - keySince > Self.keyLifetime {
            if let view = try await provider.find(reference, context).first(where: isDone) { return .done(view) }
            return nil
        }
        let result = try await call()
        guard result == .storedFailure else { return result }
        if let view = try await provider.find(reference, context).first(where: isDone) { return .done(view) }
        return nil
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        _ context: CallContext,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.transaction(name, deadline: context.deadline, body)
    }

    /// Updates the stored payment; returns the new state and the database's time.
    func update(
        _ id: String,
        _ name: StaticString,
        _ context: CallContext,
        _ change: @escaping @Sendable (inout Payment, borrowing SQLTransaction) throws -> Void
    ) async throws -> (Payment, Timestamp) {
        let store = store
        return try await transaction(name, context) { tx in
            guard let before = try store.payment(id, in: tx) else { throw PaymentError.unknownPayment(id) }
            var payment = before
            try change(&payment, tx)
            if payment != before { try store.save(payment, in: tx) }
            return (payment, tx.date)
        }
    }
}
