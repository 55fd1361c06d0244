import MartletSQL
import Testing

@testable import MartletPostgreSQL

@Suite("Statements that a body must not run")
struct PostgresStatementRulesTests {
    @Test(
        "control statements, whatever stands before them",
        arguments: [
            "COMMIT", "commit", " \t\n ROLLBACK", ";COMMIT", "-- note\nEND", "/* a /* b */ c */ begin",
            "--\r\nSET x = 1",
            "COPY t FROM STDIN", "LISTEN a", "", "  ", "-- only a comment", "/* not closed",
        ]
    )
    func refused(_ text: String) {
        let error = #expect(throws: SQLError.self) { try PostgresStatementRules.check(text) }
        #expect(error?.kind == .misuse)
    }

    @Test(
        "other statements run",
        arguments: [
            "SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "(SELECT 1)", "-- COMMIT\nSELECT 1",
            "/* COMMIT */INSERT INTO t VALUES (1)", "CREATE TABLE set_t (id BIGINT)", "VALUES (1)", "ENDING",
        ]
    )
    func permitted(_ text: String) throws { try PostgresStatementRules.check(text) }
}
