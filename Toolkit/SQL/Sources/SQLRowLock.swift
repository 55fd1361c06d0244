/// How a SELECT locks the rows that it returns, until its transaction ends; for bodies with `SQLIsolation.locking`.
///
/// A repeat within the transaction has no further effect.
package enum SQLRowLock: Sendable, Hashable {
    /// Waits for a transaction that has locked a row, and judges the row as that one leaves it.
    case waiting
    /// Leaves out the rows that another transaction has locked.
    case skipping

    /// The end of the statement; empty where one write runs at a time.
    func text(in dialect: SQLDialect) -> StaticString {
        switch (dialect, self) {
        case (.sqlite, _): ""
        case (.postgres, .waiting): "FOR UPDATE"
        case (.postgres, .skipping): "FOR UPDATE SKIP LOCKED"
        }
    }
}

extension SQLQuery.Interpolation {
    /// The lock of a SELECT, at its end: `"SELECT … WHERE id = \(id) \(lock: .waiting, in: tx.dialect)"`.
    package mutating func appendInterpolation(lock: SQLRowLock, in dialect: SQLDialect) {
        appendLiteral(lock.text(in: dialect))
    }
}
