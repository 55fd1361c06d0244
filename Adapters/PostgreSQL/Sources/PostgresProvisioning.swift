public import MartletSQL
public import MartletTelemetry

/// Makes the database and the role of each service on a server, as its administrator.
///
/// A role owns its database and can connect to no other one; a repeat changes the password alone.
public struct PostgresProvisioning: Sendable {
    private let database: any SQLDatabase

    /// - Parameter database: The administrator's: of a role that may create roles and databases.
    public init(on database: any SQLDatabase) { self.database = database }

    /// Makes a service's role and database, both with its name.
    ///
    /// - Parameters:
    ///   - service: 1 to 63 of the characters a to z, 0 to 9 and `_`, beginning with a letter.
    ///   - password: The role's, without U+0000; `nil` where the server knows its users otherwise.
    /// - Throws: `SQLError`; what was made before it stays, and a repeat continues.
    public func provision(_ service: SQLChannel, password: Redacted<String>?) async throws {
        let name = "\(service)"
        // Quoted: a name may be a word of the language, as `user` is.
        let quoted = "\"\(name)\""
        let secret = password.map { "'\($0.exposed.replacing("'", with: "''"))'" }
        try await database.transaction("provision", options: SQLOptions(isolation: .autocommit)) { tx in
            let hasRole = try !tx.run("SELECT 1 FROM pg_roles WHERE rolname = \(name)").isEmpty
            try tx.run(
                SQLQuery(
                    unchecked: """
                        \(hasRole ? "ALTER" : "CREATE") ROLE \(quoted) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE
                        PASSWORD \(secret ?? "NULL")
                        """
                )
            )
            // Every role may connect to every database until this is revoked.
            for other in ["postgres", "template1"] {
                try tx.run(SQLQuery(unchecked: "REVOKE ALL ON DATABASE \(other) FROM PUBLIC"))
            }
            if try tx.run("SELECT 1 FROM pg_database WHERE datname = \(name)").isEmpty {
                try tx.run(
                    SQLQuery(
                        unchecked: """
                            CREATE DATABASE \(quoted) OWNER \(quoted) TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'
                            ALLOW_CONNECTIONS false
                            """
                    )
                )
            }
            try tx.run(SQLQuery(unchecked: "REVOKE ALL ON DATABASE \(quoted) FROM PUBLIC"))
            try tx.run(SQLQuery(unchecked: "ALTER DATABASE \(quoted) ALLOW_CONNECTIONS true"))
        }
    }
}
