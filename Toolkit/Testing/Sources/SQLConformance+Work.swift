import MartletSQL

extension SQLConformance {
    static let work = [
        Check("deferred work is created once per type and flushed in the same commit, after the body") { database, _ in
            try await database.makeTable()
            let before = try await database.transaction { tx in
                tx.deferred { Rows() }.ids.append(2)
                tx.deferred { Rows() }.ids.append(1)
                return try tx.run("SELECT id FROM t").count
            }
            try require(before == 0, "it was flushed before the end of the body")
            try require(try await database.ids() == [1, 2], "it was not flushed once")
        },
        Check("deferred work of a body that throws is not flushed") { database, _ in
            try await database.makeTable()
            _ = try await failure("the body") {
                try await database.transaction { tx in
                    tx.deferred { Rows() }.ids.append(1)
                    throw Rejected(number: 1)
                }
            }
            try require(try await database.ids().isEmpty, "it was flushed")
        },
        Check("deferred work that fails rolls back its body") { database, _ in
            try await database.makeTable()
            let error = try await failure("the flush") {
                try await database.transaction { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    tx.deferred { Rows() }.ids.append(1)
                }
            }
            try require((error as? SQLError)?.kind == .constraint, "\(error)")
            try require(try await database.ids().isEmpty, "the body was committed")
        },
        Check("an action after the commit runs once, before the transaction returns") { database, _ in
            try await database.makeTable()
            let ran = Tally()
            try await database.transaction { tx in
                tx.afterCommit { ran.note() }
                try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
            }
            try require(ran.count == 1, "it ran \(ran.count) times")
        },
        Check("an action after the commit does not run after a rollback") { database, _ in
            try await database.makeTable()
            let ran = Tally()
            _ = try await failure("the body") {
                try await database.transaction { tx in
                    tx.afterCommit { ran.note() }
                    throw Rejected(number: 1)
                }
            }
            _ = try await failure("an aborted transaction") {
                try await database.transaction { tx in
                    tx.afterCommit { ran.note() }
                    do { try tx.run("SELEKT 1") } catch {}
                }
            }
            try require(ran.count == 0, "it ran \(ran.count) times")
        },
    ]
}

/// Deferred work that inserts its rows in insertion order.
private final class Rows: SQLDeferredWork {
    var ids: [Int] = []

    func flush(in tx: borrowing SQLTransaction) throws {
        for id in ids { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
    }
}
