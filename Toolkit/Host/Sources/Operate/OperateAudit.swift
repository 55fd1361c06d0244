import MartletCore
import MartletSQL
import SwiftProtobuf

/// Who did what and why, written in the transaction of the act itself.
enum OperateAudit {
    /// Of what stood before and after, in characters.
    static let textLimit = 2_000
    static let pageLimit = 200

    /// Kept for good: it is what an auditor reads.
    static let migrations = [
        Migration(
            "operate",
            1,
            [
                """
                CREATE TABLE operate_audit (
                    number BIGINT PRIMARY KEY, who TEXT NOT NULL, act TEXT NOT NULL, target TEXT NOT NULL,
                    why TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, at BIGINT NOT NULL)
                """
            ]
        )
    ]

    struct Act: Sendable {
        let who: String
        /// As in `workflow.retry`.
        let name: String
        let target: String
        let why: String
    }

    static func write(_ act: Act, before: String, after: String, in tx: borrowing SQLTransaction) throws {
        let (before, after) = (String(before.prefix(textLimit)), String(after.prefix(textLimit)))
        try tx.run(
            """
            INSERT INTO operate_audit (number, who, act, target, why, before, after, at)
            VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM operate_audit), \(act.who), \(act.name), \(act.target),
                \(act.why), \(before), \(after), \(tx.date.microseconds))
            """
        )
    }

    /// Newest first; `before` 0 for the newest.
    static func list(before number: Int64, limit: Int, in tx: borrowing SQLTransaction) throws -> [AuditRecord] {
        let least = number > 0 ? number : .max
        let limit = limit == 0 ? 50 : min(limit, pageLimit)
        return try tx.run(
            """
            SELECT number, who, act, target, why, before, after, at FROM operate_audit WHERE number < \(least)
            ORDER BY number DESC LIMIT \(limit)
            """
        ).map { row in
            .with {
                $0.number = row.int64(0)
                $0.who = row.text(1)
                $0.act = row.text(2)
                $0.target = row.text(3)
                $0.why = row.text(4)
                $0.before = row.text(5)
                $0.after = row.text(6)
                $0.at = row.int64(7)
            }
        }
    }
}
