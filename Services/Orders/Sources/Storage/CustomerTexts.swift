import MartletCore
import MartletSQL

/// The one table with what customers wrote: streams, the read model, runs and published events have a text's id.
///
/// A text that is past its retention, or was erased, is absent: what refers to it stays, and shows no text.
enum CustomerTexts {
    /// How long a text is shown and stored.
    static let retention = Duration.seconds(90 * 24 * 3_600)
    /// How many texts one purge transaction deletes.
    static let purgeBatch = 100

    static let retentions = [
        TableRetention("customer_texts", .purged(after: retention, since: "it was written", by: "forget texts"))
    ]

    /// - Parameter customerID: Whom the text concerns: the owner of the order.
    static func store(_ text: CustomerText, of customerID: ExactText, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO customer_texts (id, customer_id, written_at, text)
            VALUES (\(text.id), \(customerID), \(tx.date.microseconds), \(text.text))
            """
        )
    }

    /// The text with this id; `nil` for no id, and when the text is gone.
    static func text(_ id: ExactText?, in tx: borrowing SQLTransaction) throws -> String? {
        guard let id else { return nil }
        let oldest = try oldest(in: tx)
        return try tx.run("SELECT text FROM customer_texts WHERE id = \(id) AND written_at >= \(oldest)").first?.text(0)
    }

    /// When the oldest text was written that is shown, in microseconds.
    static func oldest(in tx: borrowing SQLTransaction) throws -> Int64 { try (tx.date - retention).microseconds }

    /// Deletes a batch of the oldest texts that are past their retention.
    ///
    /// - Returns: How many were deleted.
    static func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let oldest = try oldest(in: tx)
        return try tx.run(
            """
            DELETE FROM customer_texts WHERE id IN (
                SELECT id FROM customer_texts WHERE written_at < \(oldest) ORDER BY written_at, id LIMIT \(purgeBatch)
            ) AND written_at < \(oldest) RETURNING 1
            """
        ).count
    }
}
