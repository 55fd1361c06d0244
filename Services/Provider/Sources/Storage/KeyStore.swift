import MartletCore
import MartletSQL

/// The results stored under idempotency keys, by Stripe's rules.
struct KeyStore: Sendable {
    /// How long a result is stored.
    static let lifetime = Duration.seconds(24 * 3600)
    /// How many keys one purge transaction deletes.
    static let purgeBatch = 500

    enum Outcome: String, Sendable, Equatable {
        case done, declined
        case storedFailure = "stored_failure"
        /// The call was lost before it acted; only its key is stored.
        case lost
    }

    /// The outcome stored under `key`.
    ///
    /// - Throws: `ProviderError.keyReused` when it was stored for other parameters; `UnreadableRow`.
    func outcome(
        _ key: String,
        _ parameters: [UInt8],
        in tx: borrowing SQLTransaction
    ) throws -> (outcome: Outcome, providerID: String?)? {
        guard let row = try tx.run("SELECT parameters, outcome, provider_id FROM keys WHERE key = \(key)").first
        else { return nil }
        guard try row.bytes(0) == parameters else { throw ProviderError.keyReused }
        return try (row.decode(1, as: Outcome.self), row.textIfPresent(2))
    }

    func store(
        _ outcome: Outcome,
        under key: String,
        parameters: [UInt8],
        reference: String,
        providerID: String?,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO keys (key, parameters, reference, outcome, provider_id, at)
            VALUES (\(key), \(parameters), \(reference), \(outcome.rawValue), \(providerID), \(tx.date.microseconds))
            ON CONFLICT (key) DO UPDATE SET outcome = excluded.outcome, provider_id = excluded.provider_id
            """
        )
    }

    /// Whether any key of this reference has stored a failure already.
    func hasFailed(_ reference: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let failure = Outcome.storedFailure.rawValue
        return try !tx.run("SELECT 1 FROM keys WHERE reference = \(reference) AND outcome = \(failure)").isEmpty
    }

    /// Deletes a batch of the oldest expired keys.
    ///
    /// - Returns: How many were deleted.
    func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let due = try (tx.date - Self.lifetime).microseconds
        return try tx.run(
            """
            DELETE FROM keys WHERE key IN
                (SELECT key FROM keys WHERE at < \(due) ORDER BY at, key LIMIT \(Self.purgeBatch))
            RETURNING 1
            """
        ).count
    }
}
