import MartletCore
import MartletSQL

extension SQLConformance {
    static let transactions = [
        Check("a completed transaction is visible to later reads") { database, _ in
            try await database.makeTable()
            for id in 1...5 {
                try await database.transaction { tx in try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
                try require(try await database.ids() == Array(1...id), "a read after transaction \(id)")
            }
        },
        Check("concurrent callers get the results of their own bodies") { database, _ in
            try await database.makeTable()
            let results = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for id in 0..<300 {
                    group.addTask {
                        let result = try await database.transaction { tx in
                            try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0) RETURNING id").one().int(0)
                        }
                        return (id, result)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try require(results.allSatisfy { $0.0 == $0.1 }, "a result went to another caller")
            try require(try await database.ids() == Array(0..<300), "every returned row exists")
        },
        Check("a body that throws rolls back its own changes only") { database, _ in
            try await database.makeTable()
            let rejected = try await withThrowingTaskGroup(of: Int?.self) { group in
                for id in 0..<120 {
                    group.addTask {
                        do {
                            try await database.transaction { tx in
                                try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)")
                                if id % 3 == 0 { throw Rejected(number: id) }
                            }
                            return nil
                        } catch let rejected as Rejected {
                            return rejected.number
                        }
                    }
                }
                return try await group.reduce(into: [Int]()) { if let number = $1 { $0.append(number) } }
            }
            try require(rejected.sorted() == (0..<120).filter { $0 % 3 == 0 }, "each caller gets its own error")
            try require(try await database.ids() == (0..<120).filter { $0 % 3 != 0 }, "the others are committed")
        },
        Check("concurrent updates of a row are not lost") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in try tx.run("INSERT INTO t (id, n) VALUES (1, 0)") }
            let done = try await count(100) { _ in
                try await database.transaction { tx in
                    let n = try tx.run("SELECT n FROM t WHERE id = 1").one().int(0)
                    try tx.run("UPDATE t SET n = \(n + 1) WHERE id = 1")
                }
            }
            let n = try await database.read { tx in try tx.run("SELECT n FROM t WHERE id = 1").one().int(0) }
            try require(done > 0 && n == done, "\(done) increments were committed, the row is \(n)")
        },
        Check("write skew is prevented") { database, _ in
            try await database.makeTable()
            let pairs = 40
            try await database.transaction { tx in
                for id in 0..<2 * pairs { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 1)") }
            }
            // A row of a pair may become 0 only while the other one is 1; each transaction writes its own row only.
            _ = try await count(2 * pairs) { id in
                try await database.transaction { tx in
                    let first = id - id % 2
                    let pair = try tx.run("SELECT SUM(n) FROM t WHERE id >= \(first) AND id < \(first + 2)")
                    let sum = try pair.one().int(0)
                    guard sum == 2 else { throw Rejected(number: id) }
                    try tx.run("UPDATE t SET n = 0 WHERE id = \(id)")
                }
            }
            let empty = try await database.read { tx in
                try tx.run("SELECT id / 2 FROM t GROUP BY id / 2 HAVING SUM(n) <> 1").count
            }
            try require(empty == 0, "\(empty) pairs do not have exactly one 1")
        },
        Check("a body runs with its caller's trace context") { database, _ in
            let trace = TraceContext.root(SeededEntropy(seed: 1), sampled: true)
            let seen = try await TraceContext.$current.withValue(trace) {
                try await database.transaction { _ in TraceContext.current }
            }
            let none = try await database.transaction { _ in TraceContext.current }
            try require(seen == trace, "the body saw another trace")
            try require(none == nil, "a trace was left behind")
        },
        Check("the date is the transaction's: equal throughout it, and later in a later one") { database, time in
            let dates = try await database.transaction { tx in
                let first = try tx.date
                time.advance(by: .seconds(1))
                try tx.run("SELECT 1")
                return [first, try tx.date]
            }
            try require(dates[0] == dates[1], "it went from \(dates[0]) to \(dates[1])")
            let later = try await database.transaction { tx in try tx.date }
            let read = try await database.read { tx in try tx.date }
            try require(later >= dates[0] && read >= later, "it went back: \(dates[0]), \(later), \(read)")
        },
        Check("after its deadline, a body does not run") { database, time in
            let ran = Tally()
            let error = try await failure("a late transaction") {
                try await database.transaction("late", deadline: time.now) { _ in ran.note() }
            }
            try require((error as? Fault)?.code == .deadlineExceeded, "\(error)")
            try require(ran.count == 0, "the body ran")
        },
        Check("a deadline that passes between two statements rolls back the first") { database, time in
            try await database.makeTable()
            let deadline = time.now + .seconds(1)
            let error = try await failure("a slow transaction") {
                try await database.transaction("slow", deadline: deadline) { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    time.advance(by: .seconds(1))
                    try tx.run("INSERT INTO t (id, n) VALUES (2, 0)")
                }
            }
            try require((error as? Fault)?.code == .deadlineExceeded, "\(error)")
            try require(try await database.ids().isEmpty, "the first statement was committed")
        },
    ]

    /// How many of `callers` concurrent calls succeed; a rejection or a conflict after the last attempt is a failure.
    private static func count(
        _ callers: Int,
        _ call: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> Int {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    do {
                        try await call(caller)
                        return true
                    } catch is Rejected {
                        return false
                    } catch let error as SQLError where error.kind == .conflict {
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }
}
