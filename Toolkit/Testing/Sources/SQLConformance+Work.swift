import MartletSQL

extension SQLConformance {
    static let work = [
        Check("deferred work is one of its kind and is written at the end, in the same commit") { database, _ in
            try await database.makeTable()
            let before = try await database.transaction { tx in
                tx.deferred { Rows() }.ids.append(2)
                tx.deferred { Rows() }.ids.append(1)
                return try tx.run("SELECT id FROM t").count
            }
            try require(before == 0, "it was written before the end of the body")
            try require(try await database.ids() == [1, 2], "it was not written once")
        },
        Check("deferred work of a body that throws is not written") { database, _ in
            try await database.makeTable()
            _ = try await failure("the body") {
                try await database.transaction { tx in
                    tx.deferred { Rows() }.ids.append(1)
                    throw Refused(number: 1)
                }
            }
            try require(try await database.ids().isEmpty, "it was written")
        },
        Check("deferred work that fails undoes its body") { database, _ in
            try await database.makeTable()
            let error = try await failure("the flush") {
                try await database.transaction { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    tx.deferred { Rows() }.ids.append(1)
                }
            }
            try require((error as? SQLError)?.kind == .constraint, "\(error)")
            try require(try await database.ids().isEmpty, "the body was kept")
        },
        Check("an action after the commit runs once and before the answer") { database, _ in
            try await database.makeTable()
            let ran = Tally()
            try await database.transaction { tx in
                tx.afterCommit { ran.note() }
                try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
            }
            try require(ran.count == 1, "it ran \(ran.count) times")
        },
        Check("an action after the commit does not run when there is none") { database, _ in
            try await database.makeTable()
            let ran = Tally()
            _ = try await failure("the body") {
                try await database.transaction { tx in
                    tx.afterCommit { ran.note() }
                    throw Refused(number: 1)
                }
            }
            _ = try await failure("a doomed transaction") {
                try await database.transaction { tx in
                    tx.afterCommit { ran.note() }
                    do { try tx.run("SELEKT 1") } catch {}
                }
            }
            try require(ran.count == 0, "it ran \(ran.count) times")
        },
    ]
}

/// Deferred work that inserts its rows in the order in which they were added.
private final class Rows: SQLDeferredWork {
    var ids: [Int] = []

    func flush(in tx: borrowing SQLTransaction) throws {
        for id in ids { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
    }
}
