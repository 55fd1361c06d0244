import MartletCore
import MartletSQL

/// What operators did to the event log, written in the transaction of the act.
enum EventLogAudit {
    static let pageLimit = 200

    struct Action: Sendable {
        let who: String
        /// As in `group.remove`.
        let name: String
        let target: String
        let why: String
    }

    static func write(_ action: Action, before: String, after: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO log_audit (number, who, act, target, why, before, after, at)
            VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM log_audit), \(action.who), \(action.name),
                \(action.target), \(action.why), \(before), \(after), \(tx.date.microseconds))
            """
        )
    }

    /// Newest first; `number` 0 for the newest.
    static func list(before number: Int64, limit: Int, in tx: borrowing SQLTransaction) throws -> [LogAuditRecord] {
        let upperBound = number > 0 ? number : .max
        let limit = limit == 0 ? 50 : min(limit, pageLimit)
        return try tx.run(
            """
            SELECT number, who, act, target, why, before, after, at FROM log_audit WHERE number < \(upperBound)
            ORDER BY number DESC LIMIT \(limit)
            """
        ).map { row in
            var record = LogAuditRecord()
            record.number = try row.int64(0)
            record.who = try row.text(1)
            record.act = try row.text(2)
            record.target = try row.text(3)
            record.why = try row.text(4)
            record.before = try row.text(5)
            record.after = try row.text(6)
            record.at = try row.int64(7)
            return record
        }
    }
}
