import MartletCore

extension SQLDatabase {
    /// Brings the schema up to date; a repeat does nothing.
    ///
    /// For a program whose database no other process uses. An instance of a service is a ``SchemaInstance``.
    ///
    /// - Throws: ``SQLError``; `SchemaTooNew` when the database has a step that breaks this program; `SchemaStepEdited`
    ///   when a step that ran has another text now; `SchemaInUse` when a step must wait for an older instance.
    public func migrate(_ migrations: [Migration]) async throws {
        try await SchemaUpdate(migrations, instance: nil).run(on: self)
    }

    /// As ``migrate(_:)``, for a program that uses some modules of the database only: a step of another module that breaks
    /// older programs does not break this one.
    package func migrate(modules migrations: [Migration]) async throws {
        try await SchemaUpdate(migrations, instance: nil, isPartial: true).run(on: self)
    }
}

/// Brings a schema up to date, one program at a time.
struct SchemaUpdate: Sendable {
    /// The instance on whose behalf the schema is updated.
    struct Instance: Sendable {
        let id: String
        let lease: Duration
        /// The database's boot number: rows of other ones are of processes that have ended.
        let boot: Int
    }

    /// Held during each step, and while an instance registers itself.
    static let lock: ExactText = "martlet.schema"

    private let migrations: [Migration]
    private let instance: Instance?
    /// Whether the program uses no other modules than those of its steps.
    private let isPartial: Bool

    init(_ migrations: [Migration], instance: Instance?, isPartial: Bool = false) {
        self.migrations = migrations.sorted { $0.step < $1.step }
        self.instance = instance
        self.isPartial = isPartial
    }

    private var options: SQLOptions { Self.options(.serializable) }

    private static func options(_ isolation: SQLIsolation) -> SQLOptions {
        var options = SQLOptions(isolation: isolation, locks: [lock])
        options.isMigration = true
        return options
    }

    /// Runs all steps that are missing, and registers the instance.
    func run(on database: any SQLDatabase) async throws {
        let update = self
        while let next = try await database.transaction(
            Migration.transaction,
            options: options,
            { try update.advance(in: $0) }
        ) {
            try await database.transaction(Migration.transaction, options: Self.options(.autocommit)) { tx in
                guard try Self.done(in: tx)[next.step] == nil else { return }
                try update.refuseOlderInstances(before: next, in: tx)
                try Self.run(next, in: tx)
            }
        }
    }

    /// Runs steps in their order.
    ///
    /// - Returns: The first step that must run outside of a transaction; `nil` when the schema is up to date.
    private func advance(in tx: borrowing SQLTransaction) throws -> Migration? {
        for table in Self.tables { try tx.run(table) }
        let done = try Self.done(in: tx)
        try check(done, in: tx)
        for migration in migrations where done[migration.step] == nil {
            guard !migration.isOutsideTransaction else { return migration }
            try refuseOlderInstances(before: migration, in: tx)
            try Self.run(migration, in: tx)
        }
        try register(in: tx)
        return nil
    }

    private static func run(_ migration: Migration, in tx: borrowing SQLTransaction) throws {
        for statement in migration.statements(in: tx.dialect) { try tx.run(SQLQuery(unchecked: statement)) }
        let step = migration.step
        try tx.run(
            """
            INSERT INTO schema_steps (room, number, hash, breaks)
            VALUES (\(step.module), \(step.number), \(migration.textHash(in: tx.dialect)), \(migration.breaks))
            ON CONFLICT (room, number) DO NOTHING
            """
        )
        // Last: a step that ended in the middle, outside of a transaction, runs again.
        try tx.run("INSERT INTO schema_migrations (room, number) VALUES (\(step.module), \(step.number))")
    }

    /// Refuses a database of a newer program that broke this one, and edited steps; adopts the texts of steps that ran
    /// before texts were stored.
    private func check(_ done: [SchemaStep: Done], in tx: borrowing SQLTransaction) throws {
        try refuseUnknown(done)
        for migration in migrations {
            let (step, hash) = (migration.step, migration.textHash(in: tx.dialect))
            guard let ran = done[step] else { continue }
            if let stored = ran.hash {
                guard ExactText(stored) == ExactText(hash) else {
                    throw SchemaStepEdited(module: migration.module, number: migration.number)
                }
            } else {
                try tx.run(
                    """
                    INSERT INTO schema_steps (room, number, hash, breaks)
                    VALUES (\(step.module), \(step.number), \(hash), \(migration.breaks))
                    """
                )
            }
        }
    }

    private func refuseUnknown(_ done: [SchemaStep: Done]) throws {
        let steps = Set(migrations.map(\.step))
        let modules = isPartial ? Set(steps.map(\.module)) : nil
        for (step, ran) in done.sorted(by: { $0.key < $1.key })
        where ran.breaks && !steps.contains(step) && modules?.contains(step.module) ?? true {
            throw SchemaTooNew(module: step.module.text, number: step.number)
        }
    }
}

// MARK: - Instances

extension SchemaUpdate {
    /// - Throws: `SchemaInUse` when an instance is alive that does not know a step which breaks it.
    private func refuseOlderInstances(before migration: Migration, in tx: borrowing SQLTransaction) throws {
        guard migration.breaks else { return }
        let alive = try tx.run(
            """
            SELECT id, knows, boot FROM schema_instances
            WHERE lease_until > \(tx.date.microseconds) AND id <> \(instance?.id ?? "") ORDER BY id
            """
        )
        for row in alive {
            let boot = try row.int(2)
            // A process that registered under another boot number has ended.
            if let instance, instance.boot != 0, boot != instance.boot { continue }
            let knows = try StoredJSON.value([SchemaStep].self, from: row.text(1))
            guard knows.contains(where: { $0.module == migration.step.module && $0.number >= migration.number }) else {
                throw SchemaInUse(module: migration.module, number: migration.number, instance: try row.text(0))
            }
        }
    }

    /// Stores or renews the row of the instance.
    private func register(in tx: borrowing SQLTransaction) throws {
        guard let instance else { return }
        let now = try tx.date
        try tx.run("DELETE FROM schema_instances WHERE lease_until <= \((now - Self.kept).microseconds)")
        try tx.run(
            """
            INSERT INTO schema_instances (id, boot, knows, lease_until)
            VALUES (\(instance.id), \(instance.boot), \(try StoredJSON.text(latest)), \((now + instance.lease).microseconds))
            ON CONFLICT (id) DO UPDATE SET boot = excluded.boot, knows = excluded.knows,
                lease_until = excluded.lease_until
            """
        )
    }

    /// Renews the row of the instance.
    ///
    /// - Throws: `SchemaTooNew` when its lease had ended, and a step ran meanwhile that breaks this program.
    func renew(in tx: borrowing SQLTransaction) throws {
        try refuseUnknown(try Self.done(in: tx))
        try register(in: tx)
    }

    /// The last step of each module.
    private var latest: [SchemaStep] {
        var latest: [SchemaStep] = []
        for migration in migrations {
            if latest.last?.module == migration.step.module { latest.removeLast() }
            latest.append(migration.step)
        }
        return latest
    }

    /// How long rows of ended instances are kept for operators.
    private static let kept = Duration.seconds(86_400)
}

// MARK: - Tables

extension SchemaUpdate {
    /// What is stored of a step that ran.
    struct Done {
        /// `nil` for a step that ran before texts were stored.
        let hash: String?
        let breaks: Bool
    }

    static let tables: [SQLQuery] = [
        "CREATE TABLE IF NOT EXISTS schema_migrations (room TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (room, number))",
        """
        CREATE TABLE IF NOT EXISTS schema_steps (room TEXT NOT NULL, number BIGINT NOT NULL, hash TEXT NOT NULL,
            breaks BIGINT NOT NULL, PRIMARY KEY (room, number))
        """,
        """
        CREATE TABLE IF NOT EXISTS schema_instances (id TEXT PRIMARY KEY, boot BIGINT NOT NULL, knows TEXT NOT NULL,
            lease_until BIGINT NOT NULL)
        """,
    ]

    static func done(in tx: borrowing SQLTransaction) throws -> [SchemaStep: Done] {
        let rows = try tx.run(
            """
            SELECT m.room, m.number, s.hash, COALESCE(s.breaks, 0) FROM schema_migrations AS m
            LEFT JOIN schema_steps AS s ON s.room = m.room AND s.number = m.number
            """
        )
        var done: [SchemaStep: Done] = [:]
        for row in rows {
            let step = SchemaStep(module: try row.text(0), number: try row.int(1))
            done[step] = Done(hash: try row.textIfPresent(2), breaks: try row.bool(3))
        }
        return done
    }
}
