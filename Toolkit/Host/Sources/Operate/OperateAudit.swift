import MartletCore
import MartletSQL
import SwiftProtobuf

/// The audit log of operator actions, written in the transaction of the action.
enum OperateAudit {
    /// Of the values before and after, in characters.
    static let textLimit = 2_000
    static let pageLimit = 200

    /// The audit log is never purged.
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

    static let retentions = [TableRetention("operate_audit", .permanent(bound: "one for each act of an operator"))]

    struct Action: Sendable {
        let who: String
        /// As in `workflow.retry`.
        let name: String
        let target: String
        let why: String
    }

    static func write(_ action: Action, before: String, after: String, in tx: borrowing SQLTransaction) throws {
        let (who, name, target, why) = (action.who, action.name, action.target, action.why)
        let (before, after) = (String(before.prefix(textLimit)), String(after.prefix(textLimit)))
        try tx.run(
            """
            INSERT INTO operate_audit (number, who, act, target, why, before, after, at)
            VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM operate_audit), \(who), \(name), \(target),
                \(why), \(before), \(after), \(tx.date.microseconds))
            """
        )
    }

    /// Newest first; `before` 0 for the newest.
    static func list(before number: Int64, limit: Int, in tx: borrowing SQLTransaction) throws -> [AuditRecord] {
        let upperBound = number > 0 ? number : .max
        let limit = limit == 0 ? 50 : min(limit, pageLimit)
        return try tx.run(
            """
            SELECT number, who, act, target, why, before, after, at FROM operate_audit WHERE number < \(upperBound)
            ORDER BY number DESC LIMIT \(limit)
            """
        ).map { row in
            try .with {
                $0.number = try row.int64(0)
                $0.who = try row.text(1)
                $0.act = try row.text(2)
                $0.target = try row.text(3)
                $0.why = try row.text(4)
                $0.before = try row.text(5)
                $0.after = try row.text(6)
                $0.at = try row.int64(7)
            }
        }
    }
}
