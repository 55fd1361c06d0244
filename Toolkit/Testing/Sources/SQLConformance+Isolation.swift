import MartletCore
import MartletSQL

// Two bodies that interleave, on an engine that runs them at once: each engine has two connections for them. Where one
// write runs at a time, the second body begins after the first one has ended.
extension SQLConformance {
    static let isolation = [
        Check("an expiry that meets a confirmation of the same row, in both orders: one of them takes effect, once") {
            database,
            _ in
            try await database.transaction { tx in
                try tx.run("CREATE TABLE r (id BIGINT PRIMARY KEY, status TEXT NOT NULL)")
                try tx.run("CREATE TABLE u (id BIGINT PRIMARY KEY, available BIGINT NOT NULL)")
                try tx.run("INSERT INTO u (id, available) VALUES (1, 0), (2, 0)")
            }
            for (id, ends) in [["expired", "confirmed"], ["confirmed", "expired"]].enumerated().map({ ($0 + 1, $1) }) {
                try await database.transaction { tx in
                    _ = try tx.run("INSERT INTO r (id, status) VALUES (\(id), 'held')")
                }
                let won = try await both { number, meeting in
                    try await database.transaction { tx in
                        let status = try tx.run("SELECT status FROM r WHERE id = \(id)").one().text(0)
                        meeting(number)
                        guard ExactText(status) == "held" else { return false }
                        try tx.run("UPDATE r SET status = \(ends[number]) WHERE id = \(id)")
                        guard ends[number] == "expired" else { return true }
                        try tx.run("UPDATE u SET available = available + 1 WHERE id = \(id)")
                        return true
                    }
                }
                try require(won.filter(\.self).count == 1, "both or none took effect: \(won)")
                let (status, available) = try await database.read { tx in
                    let units = try tx.run("SELECT available FROM u WHERE id = \(id)").one()
                    return (try tx.run("SELECT status FROM r WHERE id = \(id)").one().text(0), try units.int(0))
                }
                try require(status == ends[won[0] ? 0 : 1], "the row is \(status)")
                try require(available == (status == "expired" ? 1 : 0), "\(available) units are available")
            }
        },
        Check("a purge that meets a transaction which moves a row forward, in both orders: a fresh row stays") {
            database,
            _ in
            try await database.makeTable()
            // The condition outside of the subselect, or a lock in it: each suffices.
            for (locks, purgesFirst) in [(false, false), (false, true), (true, false), (true, true)] {
                let purger = purgesFirst ? 0 : 1
                try await database.transaction { tx in
                    try tx.run("DELETE FROM t")
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 5)")
                }
                let changed = try await both { number, meeting in
                    guard number == purger else {
                        return try await database.transaction { tx in
                            let moved = try tx.run("UPDATE t SET n = 20 WHERE id = 1 RETURNING id")
                            meeting(number)
                            return !moved.isEmpty
                        }
                    }
                    return try await database.transaction("purge", options: .locking) { tx in
                        let purge: SQLQuery =
                            locks
                            ? """
                            DELETE FROM t WHERE id IN (
                                SELECT id FROM t WHERE n < 10 ORDER BY n LIMIT 10 \(lock: .waiting, in: tx.dialect)
                            ) RETURNING id
                            """
                            : """
                            DELETE FROM t WHERE id IN (SELECT id FROM t WHERE n < 10 ORDER BY n LIMIT 10)
                                AND n < 10 RETURNING id
                            """
                        let purged = try tx.run(purge)
                        // Otherwise its statement waits for the other body, which ends after its patience.
                        if purgesFirst { meeting(number) }
                        return !purged.isEmpty
                    }
                }
                let rows = try await database.read { tx in try tx.run("SELECT n FROM t").map { try $0.int(0) } }
                try require(
                    changed[1 - purger] != changed[purger],
                    "the row was moved and purged, or neither: \(changed)"
                )
                try require(rows == (changed[purger] ? [] : [20]), "\(rows) after \(changed)")
            }
        },
        Check("a mark that meets the takeover of its lease finds the lease lost") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in _ = try tx.run("INSERT INTO t (id, n) VALUES (1, 1)") }
            let held = try await both { number, meeting in
                try await database.transaction("lease", options: .locking) { tx in
                    guard number == 1 else {
                        let taken = try tx.run("UPDATE t SET n = 2 WHERE id = 1 RETURNING id")
                        meeting(number)
                        return !taken.isEmpty
                    }
                    // Waits for the other body, which ends after its patience.
                    return try !tx.run("SELECT id FROM t WHERE n = 1 \(lock: .waiting, in: tx.dialect)").isEmpty
                }
            }
            try require(held == [true, false], "\(held)")
        },
        Check("claims at the same time share no row, and leave none") { database, _ in
            try await database.makeTable()
            let (rows, claimers) = (40, 8)
            try await database.transaction { tx in
                for id in 0..<rows { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
            }
            let claimed = try await withThrowingTaskGroup(of: [Int].self) { group in
                for claimer in 1...claimers {
                    group.addTask {
                        var claimed: [Int] = []
                        while true {
                            let more = try await database.transaction("claim", options: .locking) { tx in
                                try tx.run(
                                    """
                                    UPDATE t SET n = \(claimer) WHERE id IN (SELECT id FROM t WHERE n = 0
                                        ORDER BY id LIMIT 3 \(lock: .skipping, in: tx.dialect)) RETURNING id
                                    """
                                ).map { try $0.int(0) }
                            }
                            claimed += more
                            if more.isEmpty { return claimed }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try require(claimed.count == Set(claimed).count, "a row was claimed twice")
            let free = try await database.read { tx in try tx.run("SELECT COUNT(*) FROM t WHERE n = 0").one().int(0) }
            try require(free == 0 && claimed.count == rows, "\(claimed.count) rows were claimed, \(free) were not")
        },
        Check("bodies with a common named lock never run at once, in whatever order they name it") { database, _ in
            guard database.namedLocks != .unavailable else { return }
            let (inside, together) = (Tally(), Tally())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<12 {
                    let names: [ExactText] = caller % 2 == 0 ? ["a", "b"] : ["b", "a"]
                    group.addTask {
                        try await database.transaction("locks", options: SQLOptions(locks: names)) { tx in
                            inside.note()
                            defer { inside.unnote() }
                            if inside.count > 1 { together.note() }
                            try tx.run("SELECT 1")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try require(together.count == 0, "\(together.count) bodies met another one")
        },
        // An engine may report the loser's number as a violated constraint before it reports the conflict: an adapter
        // takes the first violation of a unique constraint in a serializable body for a conflict, and repeats the body.
        Check("a number that two bodies take at once is taken by one, and the other one runs again") { database, _ in
            try await database.makeTable()
            _ = try await both { number, meeting in
                try await database.transaction { tx in
                    let next = try tx.run("SELECT COALESCE(MAX(id), 0) + 1 FROM t").one().int(0)
                    meeting(number)
                    try tx.run("INSERT INTO t (id, n) VALUES (\(next), \(number))")
                }
            }
            try require(try await database.ids() == [1, 2], "\(try await database.ids())")
        },
    ]

    /// Runs two bodies, the second of which begins when the first one is inside.
    ///
    /// - Parameter body: Gets its number, 0 or 1, and what to call at the point where the two meet.
    private static func both<R: Sendable>(
        _ body: @escaping @Sendable (Int, @escaping @Sendable (Int) -> Void) async throws -> R
    ) async throws -> [R] {
        let (begun, met) = (Meeting(), Meeting())
        let meeting: @Sendable (Int) -> Void = { number in
            guard number == 0 else { return met.arrive() }
            begun.arrive()
            met.wait()
        }
        @Sendable func begin() async throws -> R {
            // Also when it fails before the two could meet.
            defer { begun.arrive() }
            return try await body(0, meeting)
        }
        async let first = begin()
        while !begun.hasArrived { await Task.yield() }
        async let second = body(1, meeting)
        return [try await first, try await second]
    }
}
