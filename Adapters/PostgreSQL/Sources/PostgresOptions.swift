import CPostgreSQL
import MartletSQL
import MartletTelemetry

/// The parameters with which a connection is opened.
///
/// Each that matters is set: libpq would take others from variables of the environment.
struct PostgresOptions {
    private var values: [(name: String, value: String)]

    init(_ host: PostgresSettings.Host, _ settings: PostgresSettings, limits: PostgresLimits) {
        values = [
            ("host", host.name), ("port", "\(host.port)"), ("dbname", settings.database), ("user", settings.user),
            ("application_name", settings.applicationName), ("client_encoding", "UTF8"),
            // Kerberos would be tried before a password.
            ("gssencmode", "disable"), ("target_session_attrs", "any"),
            // A peer that is gone is noticed, however long a statement waits.
            ("keepalives", "1"), ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "\(limits.statementDuration.components.seconds * 1_000)"),
        ]
        if let password = settings.password?().exposed { values.append(("password", password)) }
        switch settings.encryption {
        case .verified(let authorities):
            values += [("sslmode", "verify-full"), ("sslrootcert", authorities)]
            if settings.password != nil { values.append(("channel_binding", "require")) }
        case .none: values.append(("sslmode", "disable"))
        }
        values.append(("options", settings.isPooled ? "" : Self.session(limits)))
    }

    /// Settings of the session, which a pooler does not take.
    private static func session(_ limits: PostgresLimits) -> String {
        [
            "idle_in_transaction_session_timeout=\(limits.idleTransactionDuration.components.seconds * 1_000)",
            // A statement whose connection is closed ends, and releases its locks.
            "client_connection_check_interval=1000",
            "client_min_messages=warning", "statement_timeout=0", "lock_timeout=0",
            "default_transaction_isolation=serializable",
        ].map { "-c \($0)" }.joined(separator: " ")
    }

    /// Begins to connect; `nil` without memory.
    func start() -> OpaquePointer? {
        let names = values.map { Array($0.name.utf8CString) }
        let texts = values.map { Array($0.value.utf8CString) }
        return Self.withPointers(names) { names in
            Self.withPointers(texts) { texts in PQconnectStartParams(names, texts, 0) }
        }
    }

    /// Calls `body` with an array of the texts, which ends with a null pointer.
    private static func withPointers<R>(
        _ texts: [[CChar]],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
    ) -> R {
        let all = texts.flatMap { $0 }
        return all.withUnsafeBufferPointer { all in
            var pointers: [UnsafePointer<CChar>?] = []
            var start = 0
            for text in texts {
                pointers.append(all.baseAddress.map { $0 + start })
                start += text.count
            }
            pointers.append(nil)
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}
