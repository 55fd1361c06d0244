import MartletSQL

extension SQLConformance {
    static let failures = [
        Check("an error of a body arrives as it was thrown") { database, _ in
            let error = try await failure("the body") {
                try await database.transaction { _ in throw Refused(number: 7) }
            }
            try require(error as? Refused == Refused(number: 7), "\(error)")
        },
        Check("an SQL error dooms its transaction even when the body swallows it") { database, _ in
            try await database.makeTable()
            let later = Tally()
            let error = try await failure("a doomed transaction") {
                try await database.transaction { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    do { try tx.run("INSERT INTO t (id, n) VALUES (1, 1)") } catch {}
                    do { try tx.run("INSERT INTO t (id, n) VALUES (2, 0)") } catch { later.note() }
                }
            }
            try require((error as? SQLError)?.kind == .constraint, "\(error)")
            try require(later.count > 0, "a statement ran after the error")
            try require(try await database.ids().isEmpty, "something was kept")
        },
        Check("what the data forbid is a constraint") { database, _ in
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
        Check("a wrong statement is a misuse and keeps nothing") { database, _ in
            try await database.makeTable()
            let wrong: [SQLQuery] = [
                "SELEKT 1", "SELECT nothing FROM t", "INSERT INTO nowhere (id) VALUES (1)", "",
                "INSERT INTO t (id, n) VALUES (2, 0); INSERT INTO t (id, n) VALUES (3, 0)",
                SQLQuery(unchecked: "INSERT INTO t (id, n) VALUES ($1, $2)", values: [.integer(2)]),
            ]
            for query in wrong {
                let error = try await failure(query.text) {
                    try await database.transaction { tx in
                        try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                        try tx.run(query)
                    }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(query.text): \(error)")
                try require(try await database.ids().isEmpty, "\(query.text): something was kept")
            }
        },
        Check("no statement of a body begins, ends or nests the transaction") { database, _ in
            try await database.makeTable()
            for text in ["BEGIN", "COMMIT", "ROLLBACK", "END", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO SAVEPOINT a"] {
                let error = try await failure(text) {
                    try await database.transaction { tx in
                        try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                        do { try tx.run(SQLQuery(unchecked: text)) } catch {}
                    }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(text): \(error)")
                try require(try await database.ids().isEmpty, "\(text): something was kept")
            }
        },
        Check("a control statement in one body harms no neighbour") { database, _ in
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
            try require(try await database.ids() == (0..<60).filter { $0 % 5 != 0 }, "exactly the innocent are kept")
        },
    ]
}
