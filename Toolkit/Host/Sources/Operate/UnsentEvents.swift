import MartletSQL

/// Events that are committed but not yet published.
struct UnsentEvents: Sendable, Equatable {
    /// Counting stops here.
    static let countLimit = 100_000

    let events: Int
    /// When the oldest was committed, in microseconds since 1970; `nil` when there is none.
    let oldest: Int?

    static func count(in tx: borrowing SQLTransaction) throws -> UnsentEvents {
        let waiting = try tx.run(
            """
            SELECT COUNT(*), MIN(time) FROM
                (SELECT time FROM outbox WHERE sent_at IS NULL ORDER BY time LIMIT \(countLimit)) AS waiting
            """
        ).first
        return try UnsentEvents(events: waiting?.int(0) ?? 0, oldest: waiting?.intIfPresent(1))
    }
}
