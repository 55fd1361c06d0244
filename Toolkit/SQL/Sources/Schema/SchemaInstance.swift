import Logging
public import MartletCore
import MartletTelemetry

/// A running process of a service, as the schema of its database sees it: a row with a lease.
///
/// A step that breaks older programs waits until the rows of all instances that do not know it have ended.
public struct SchemaInstance: Sendable {
    /// The limits of an instance.
    public struct Limits: Sendable {
        /// How long a row counts after its last renewal.
        public var lease: Duration = .seconds(30)
        /// The pause between two renewals.
        public var renewal: Duration = .seconds(10)
        /// The pause before a step that waits for older instances is tried again.
        public var retry: Duration = .seconds(1)
        /// The pause between two log lines about a step that waits.
        public var report: Duration = .seconds(30)

        public init() {}
    }

    /// Identifies the row.
    public let id: String
    private let database: any SQLDatabase
    private let migrations: [Migration]
    private let time: any TimeSource
    private let limits: Limits

    /// - Parameters:
    ///   - database: The service's database.
    ///   - migrations: All steps that the program knows.
    ///   - runtime: For the identity and the pauses.
    ///   - limits: The lease and its renewal.
    public init(
        of database: any SQLDatabase,
        migrations: [Migration],
        runtime: Runtime,
        limits: Limits = Limits()
    ) {
        id = "\(runtime.identifier())"
        self.database = database
        self.migrations = migrations
        time = runtime.time
        self.limits = limits
    }

    /// Brings the schema up to date and registers the instance; waits as long as older instances prevent a step.
    ///
    /// - Throws: ``SQLError``; `SchemaTooNew`; `SchemaStepEdited`; `CancellationError`.
    public func start() async throws {
        var reported: Moment?
        while true {
            do {
                return try await update().run(on: database)
            } catch let waiting as SchemaInUse {
                if reported.map({ time.now - $0 >= limits.report }) ?? true {
                    reported = time.now
                    Logger.current.warning(
                        "a step of the schema breaks an older instance and waits until it has ended, will retry",
                        metadata: [
                            "module": "\(waiting.module)", "step": "\(waiting.number)",
                            "instance": "\(waiting.instance)", "retry.in": "\(limits.retry)",
                        ]
                    )
                }
                try await time.sleep(for: limits.retry)
            }
        }
    }

    /// Renews the row until its task is cancelled, then ends the lease.
    ///
    /// - Throws: `CancellationError`; `SchemaTooNew` when the lease had ended and a step ran that breaks this program,
    ///   which must then end.
    public func run() async throws {
        do {
            while true {
                do {
                    let update = try await update()
                    try await database.transaction("schema.renew", options: SQLOptions(locks: [SchemaUpdate.lock])) {
                        tx in
                        try update.renew(in: tx)
                    }
                } catch let error as SQLError {
                    Logger.current.warning(
                        "renewing the instance's lease failed, will retry",
                        metadata: ["error": "\(error.kind)", "retry.in": "\(limits.renewal)"]
                    )
                }
                try await time.sleep(for: limits.renewal)
            }
        } catch is CancellationError {
            let id = id
            // Otherwise a step that waits for this instance waits for its lease.
            _ = try? await database.transaction("schema.leave", options: .locking) { tx in
                try tx.run("DELETE FROM schema_instances WHERE id = \(id)")
            }
            throw CancellationError()
        }
    }

    private func update() async throws -> SchemaUpdate {
        let boot = try await database.bootNumber()
        return SchemaUpdate(migrations, instance: .init(id: id, lease: limits.lease, boot: boot))
    }
}
