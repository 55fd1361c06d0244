import MartletCore
import MartletSQL

/// Drives a payment through its steps: the key is stored, then the provider is asked, then the answer is stored.
///
/// Whoever comes second, after a crash or beside the first, asks the provider with the same key and so gets the same
/// answer. A step that throws an unknown outcome is asked again by the caller.
struct Till: Sendable {
    /// Stripe keeps keys for 24 hours; with an older one the provider is looked up first.
    static let keyLifetime = Duration.seconds(23 * 3600)
    /// How many keys may be used up by stored failures before a person must look.
    static let attemptsLimit = 5

    let database: any SQLDatabase
    let store: PaymentStore
    let provider: any PaymentProvider

    /// Asks the provider, and looks up the truth when the key cannot tell.
    ///
    /// - Parameters:
    ///   - keySince: Since when the key is in use: an old one no longer protects.
    ///   - ask: The call with the present key.
    ///   - isDone: Whether what the provider shows means that this step has happened.
    /// - Returns: `nil` when the step has certainly not happened and the key is used up: a new key is to be stored.
    func settle(
        _ reference: String,
        keySince: Timestamp,
        now: Timestamp,
        _ context: CallContext,
        ask: () async throws -> ProviderAnswer,
        isDone: (ProviderView) -> Bool
    ) async throws -> ProviderAnswer? {
        if now - keySince > Self.keyLifetime {
            if let view = try await provider.find(reference, context).first(where: isDone) { return .done(view) }
            return nil
        }
        let answer = try await ask()
        guard answer == .storedFailure else { return answer }
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

    /// Changes the payment on file; answers it as it is afterwards, with the database's clock.
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
