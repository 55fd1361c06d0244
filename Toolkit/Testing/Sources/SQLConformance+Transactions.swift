import MartletCore
import MartletSQL

extension SQLConformance {
    static let transactions = [
        Check("an answered transaction is seen by whoever asks afterwards") { database, _ in
            try await database.makeTable()
            for id in 1...5 {
                try await database.transaction { tx in try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
                try require(try await database.ids() == Array(1...id), "a read after the answer of \(id)")
            }
        },
        Check("many callers at once get each the answer of his own body") { database, _ in
            try await database.makeTable()
            let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for id in 0..<300 {
                    group.addTask {
                        let answer = try await database.transaction { tx in
                            try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0) RETURNING id").one().int(0)
                        }
                        return (id, answer)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try require(answers.allSatisfy { $0.0 == $0.1 }, "an answer went to somebody else")
            try require(try await database.ids() == Array(0..<300), "every answered row is there")
        },
        Check("a body that throws undoes its own work and nobody else's") { database, _ in
            try await database.makeTable()
            let refused = try await withThrowingTaskGroup(of: Int?.self) { group in
                for id in 0..<120 {
                    group.addTask {
                        do {
                            try await database.transaction { tx in
                                try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)")
                                if id % 3 == 0 { throw Refused(number: id) }
                            }
                            return nil
                        } catch let refused as Refused {
                            return refused.number
                        }
                    }
                }
                return try await group.reduce(into: [Int]()) { if let number = $1 { $0.append(number) } }
            }
            try require(refused.sorted() == (0..<120).filter { $0 % 3 == 0 }, "each caller hears his own error")
            try require(try await database.ids() == (0..<120).filter { $0 % 3 != 0 }, "exactly the others are kept")
        },
        Check("no update is lost when many change the same row") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in try tx.run("INSERT INTO t (id, n) VALUES (1, 0)") }
            let done = try await count(100) { _ in
                try await database.transaction { tx in
                    let n = try tx.run("SELECT n FROM t WHERE id = 1").one().int(0)
                    try tx.run("UPDATE t SET n = \(n + 1) WHERE id = 1")
                }
            }
            let n = try await database.read { tx in try tx.run("SELECT n FROM t WHERE id = 1").one().int(0) }
            try require(done > 0 && n == done, "\(done) increments were answered, the row says \(n)")
        },
        Check("write skew does not happen") { database, _ in
            try await database.makeTable()
            let pairs = 40
            try await database.transaction { tx in
                for id in 0..<2 * pairs { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 1)") }
            }
            // Each may leave only while the other one of the pair stays; each writes his own row alone.
            _ = try await count(2 * pairs) { id in
                try await database.transaction { tx in
                    let first = id - id % 2
                    let pair = try tx.run("SELECT SUM(n) FROM t WHERE id >= \(first) AND id < \(first + 2)")
                    let there = try pair.one().int(0)
                    guard there == 2 else { throw Refused(number: id) }
                    try tx.run("UPDATE t SET n = 0 WHERE id = \(id)")
                }
            }
            let empty = try await database.read { tx in
                try tx.run("SELECT id / 2 FROM t GROUP BY id / 2 HAVING SUM(n) <> 1").count
            }
            try require(empty == 0, "\(empty) pairs did not keep exactly one")
        },
        Check("the trace of the caller goes with the body") { database, _ in
            let trace = TraceContext.root(SeededEntropy(seed: 1))
            let seen = try await TraceContext.$current.withValue(trace) {
                try await database.transaction { _ in TraceContext.current }
            }
            let none = try await database.transaction { _ in TraceContext.current }
            try require(seen == trace, "the body saw another trace")
            try require(none == nil, "a trace was left behind")
        },
        Check("a deadline that has passed keeps the body from running") { database, time in
            let ran = Tally()
            let error = try await failure("a late transaction") {
                try await database.transaction("late", deadline: time.now) { _ in ran.note() }
            }
            try require((error as? Fault)?.code == .deadlineExceeded, "\(error)")
            try require(ran.count == 0, "the body ran")
        },
        Check("a deadline that passes between two statements undoes the first") { database, time in
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
            try require(try await database.ids().isEmpty, "the first statement was kept")
        },
    ]

    /// How many of `callers` at once get an answer; a refusal or a conflict after the last attempt is none.
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
                    } catch is Refused {
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
