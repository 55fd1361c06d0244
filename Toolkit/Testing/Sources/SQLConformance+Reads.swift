import Foundation
import MartletCore
import MartletSQL

extension SQLConformance {
    private static let scanNames: [StaticString] = [
        "scan 0", "scan 1", "scan 2", "scan 3", "scan 4", "scan 5", "scan 6",
    ]

    static let reads = [
        Check("a read rejects writes, and fails after one") { database, _ in
            try await database.makeTable()
            let writes: [SQLQuery] = [
                "INSERT INTO t (id, n) VALUES (1, 0)", "UPDATE t SET n = 1", "DELETE FROM t", "DROP TABLE t",
                "CREATE TABLE other (id BIGINT)",
            ]
            for query in writes {
                let error = try await failure(query.text) {
                    try await database.read { tx in
                        do { try tx.run(query) } catch {}
                    }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(query.text): \(error)")
            }
            try require(try await database.ids().isEmpty, "something was written")
            try await database.transaction { tx in try tx.run("INSERT INTO t (id, n) VALUES (1, 0)") }
            try require(try await database.ids() == [1], "a transaction after the failed reads")
        },
        Check("a read is one snapshot, despite concurrent commits") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in
                try tx.run("INSERT INTO t (id, n) VALUES (1, 500)")
                try tx.run("INSERT INTO t (id, n) VALUES (2, 500)")
            }
            let sums = try await withThrowingTaskGroup(of: Int?.self) { group in
                for step in 0..<100 {
                    group.addTask {
                        try await database.transaction { tx in
                            try tx.run("UPDATE t SET n = n - \(step) WHERE id = 1")
                            try tx.run("UPDATE t SET n = n + \(step) WHERE id = 2")
                        }
                        return nil
                    }
                    group.addTask {
                        try await database.read { tx in
                            let first = try tx.run("SELECT n FROM t WHERE id = 1").one().int(0)
                            let second = try tx.run("SELECT n FROM t WHERE id = 2").one().int(0)
                            return first + second
                        }
                    }
                }
                return try await group.reduce(into: [Int]()) { if let sum = $1 { $0.append(sum) } }
            }
            try require(sums == [Int](repeating: 1_000, count: 100), "a read saw half of a transaction")
        },
        Check("a read that runs at its deadline ends, and the next one succeeds") { database, time in
            let deadline = time.now + .seconds(1)
            async let read = database.read("endless", deadline: deadline) { tx in
                // Of a thread of its own: the statement may hold the one that runs this check.
                Thread {
                    Thread.sleep(forTimeInterval: 0.05)
                    time.advance(by: .seconds(1))
                }.start()
                return try tx.run(
                    """
                    WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000000000)
                    SELECT COUNT(*) FROM c
                    """
                ).one().int(0)
            }
            do {
                let count = try await read
                try require(false, "the read ended with \(count)")
            } catch let error as Fault {
                try require(error.code == .deadlineExceeded, "\(error)")
            }
            try require(try await database.read { tx in try tx.run("SELECT 1").one().int(0) } == 1, "the next read")
        },
        Check("scans leave a connection to other reads, and wait for each other") { database, _ in
            let limit = database.pool.scansLimit
            // Bodies run on their callers' threads: one at a time.
            guard limit > 0 else { return }
            try await database.makeTable()
            let (begun, isOpen) = (Tally(), Tally())
            let order = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0...limit {
                    group.addTask {
                        // Scans of one name leave some of the places to others.
                        let name = scanNames[number % scanNames.count]
                        try await database.read(name, kind: .scan, deadline: nil) { tx in
                            _ = try tx.run("SELECT COUNT(*) FROM t")
                            begun.note()
                            // More of them than there may be: they would hold each connection.
                            if begun.count > limit { isOpen.note() }
                            while isOpen.count == 0 { Thread.sleep(forTimeInterval: 0.001) }
                        }
                        return "scan"
                    }
                }
                while begun.count < limit || database.pool.waiting == 0, isOpen.count == 0 { await Task.yield() }
                group.addTask {
                    let isFirst = try await database.read { tx in
                        _ = try tx.run("SELECT COUNT(*) FROM t")
                        return isOpen.count == 0
                    }
                    isOpen.note()
                    return isFirst ? "lookup" : "late lookup"
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            try require(begun.count == limit + 1, "\(begun.count) of \(limit + 1) scans ran")
            try require(order.contains("lookup"), "the scans held each connection: \(order)")
        },
        Check("an error of a read is rethrown unchanged") { database, _ in
            let error = try await failure("the body") { try await database.read { _ in throw Rejected(number: 3) } }
            try require(error as? Rejected == Rejected(number: 3), "\(error)")
            let invalid = try await failure("an invalid read") {
                try await database.read { tx in _ = try tx.run("SELEKT") }
            }
            try require((invalid as? SQLError)?.kind == .misuse, "\(invalid)")
        },
    ]
}
