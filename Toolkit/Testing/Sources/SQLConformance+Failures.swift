import MartletSQL

extension SQLConformance {
    static let failures = [
        Check("an error of a body is rethrown unchanged") { database, _ in
            let error = try await failure("the body") {
                try await database.transaction { _ in throw Rejected(number: 7) }
            }
            try require(error as? Rejected == Rejected(number: 7), "\(error)")
        },
        Check("an SQL error aborts its transaction, even if the body catches it") { database, _ in
            try await database.makeTable()
            let later = Tally()
            let error = try await failure("an aborted transaction") {
                try await database.transaction { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    do { try tx.run("INSERT INTO t (id, n) VALUES (1, 1)") } catch {}
                    do { try tx.run("INSERT INTO t (id, n) VALUES (2, 0)") } catch { later.note() }
                }
            }
            try require((error as? SQLError)?.kind == .constraint, "\(error)")
            try require(later.count > 0, "a statement ran after the error")
            try require(try await database.ids().isEmpty, "a change was committed")
        },
        Check("a constraint violation is reported as `constraint`") { database, _ in
            try await database.transaction { tx in
                try tx.run("CREATE TABLE p (id BIGINT PRIMARY KEY)")
                try tx.run(
                    """
                    CREATE TABLE c (id BIGINT PRIMARY KEY, p BIGINT REFERENCES p (id), u BIGINT UNIQUE,
                    n BIGINT NOT NULL CHECK (n > 0))
                    """
                )
                try tx.run("INSERT INTO p (id) VALUES (1)")
                try tx.run("INSERT INTO c (id, p, u, n) VALUES (1, 1, 1, 1)")
            }
            let forbidden: [SQLQuery] = [
                "INSERT INTO c (id, p, u, n) VALUES (1, 1, 2, 1)", "INSERT INTO c (id, p, u, n) VALUES (2, 9, 2, 1)",
                "INSERT INTO c (id, p, u, n) VALUES (2, 1, 1, 1)", "INSERT INTO c (id, p, u, n) VALUES (2, 1, 2, 0)",
                "INSERT INTO c (id, p, u, n) VALUES (2, 1, 2, NULL)", "DELETE FROM p",
            ]
            for query in forbidden {
                let error = try await failure(query.text) {
                    try await database.transaction { tx in _ = try tx.run(query) }
                }
                try require((error as? SQLError)?.kind == .constraint, "\(query.text): \(error)")
            }
        },
        Check("an invalid statement is reported as `misuse` and changes nothing") { database, _ in
            try await database.makeTable()
            let invalid: [SQLQuery] = [
                "SELEKT 1", "SELECT nothing FROM t", "INSERT INTO nowhere (id) VALUES (1)", "",
                "INSERT INTO t (id, n) VALUES (2, 0); INSERT INTO t (id, n) VALUES (3, 0)",
                SQLQuery(unchecked: "INSERT INTO t (id, n) VALUES ($1, $2)", values: [.integer(2)]),
            ]
            for query in invalid {
                let error = try await failure(query.text) {
                    try await database.transaction { tx in
                        try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                        try tx.run(query)
                    }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(query.text): \(error)")
                try require(try await database.ids().isEmpty, "\(query.text): a change was committed")
            }
        },
        Check("a body cannot begin, end or nest the transaction") { database, _ in
            try await database.makeTable()
            for text in ["BEGIN", "COMMIT", "ROLLBACK", "END", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO SAVEPOINT a"] {
                let error = try await failure(text) {
                    try await database.transaction { tx in
                        try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                        do { try tx.run(SQLQuery(unchecked: text)) } catch {}
                    }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(text): \(error)")
                try require(try await database.ids().isEmpty, "\(text): a change was committed")
            }
        },
        Check("a control statement in one body does not affect concurrent ones") { database, _ in
            try await database.makeTable()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<60 {
                    group.addTask {
                        do {
                            try await database.transaction { tx in
                                try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)")
                                if id % 5 == 0 { try tx.run(id % 2 == 0 ? "COMMIT" : "ROLLBACK") }
                            }
                        } catch let error as SQLError where id % 5 == 0 && error.kind == .misuse {}
                    }
                }
                try await group.waitForAll()
            }
            try require(try await database.ids() == (0..<60).filter { $0 % 5 != 0 }, "the other bodies are committed")
        },
    ]
}
