import MartletCore

/// What the steps of a schema and its instances show from outside, for checks.
package enum SchemaAudit {
    /// The modules whose steps have run, sorted; none in a database without a schema, whose tables are made.
    package static func modules(in tx: borrowing SQLTransaction) throws -> [String] {
        for table in SchemaUpdate.tables { try tx.run(table) }
        return try tx.run("SELECT DISTINCT room FROM schema_migrations ORDER BY room").map { try $0.text(0) }
    }

    /// The last step of a module that has run and breaks older programs; `nil` when there is none.
    package static func breakingStep(of module: String, in tx: borrowing SQLTransaction) throws -> Int? {
        try tx.run(
            "SELECT number FROM schema_steps WHERE room = \(module) AND breaks <> 0 ORDER BY number DESC LIMIT 1"
        ).first?.int(0)
    }

    /// The identities of the instances whose lease has not ended and that do not know a step, sorted.
    package static func living(
        withoutStep number: Int,
        of module: String,
        in tx: borrowing SQLTransaction
    ) throws -> [String] {
        let rows = try tx.run(
            "SELECT id, knows FROM schema_instances WHERE lease_until > \(tx.date.microseconds) ORDER BY id"
        )
        return try rows.compactMap { row in
            let known = try StoredJSON.value([SchemaStep].self, from: row.text(1))
            let knowsIt = known.contains { $0.module == ExactText(module) && $0.number >= number }
            return knowsIt ? nil : try row.text(0)
        }
    }
}
