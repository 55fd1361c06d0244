import MartletCore
import MartletSQL

/// Stored responses of requests with an idempotency key: a repeat gets the same response and has no further effect.
enum Idempotency {
    /// Maximum bytes of a key.
    static let keyLimit = 255
    /// How long a repeat is recognized.
    static let retention = Duration.seconds(7 * 24 * 3_600)

    static let migrations = [
        Migration(
            "idempotency",
            1,
            [
                """
                CREATE TABLE idempotency (
                    principal TEXT NOT NULL, method TEXT NOT NULL, key TEXT NOT NULL, request_hash BLOB NOT NULL,
                    response BLOB NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (principal, method, key))
                """,
                "CREATE INDEX idempotency_created ON idempotency (created_at)",
            ]
        )
    ]

    /// A request that may be repeated.
    struct Request: Sendable, Hashable {
        let principal: String
        let method: String
        let key: String
        let hash: [UInt8]
    }

    /// The owner of a caller's keys; `nil` for an anonymous caller, whose keys are ignored.
    ///
    /// No two callers share an owner: users and services are distinct, and a service that speaks for a user or a guest
    /// has keys of its own beside the user's. Blanks in a service's name are escaped, since one follows it.
    static func owner(_ principal: Principal) -> String? {
        switch principal.kind {
        case .anonymous: return nil
        case .user: return "user \(principal.id)"
        case .service:
            let name = escaped(principal.id.text)
            return switch principal.party {
            case .itself: "service \(name)"
            case .user(let id): "service \(name) for \(id)"
            case .guest: "service \(name) for "
            }
        }
    }

    private static func escaped(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: " "): bytes += "%20".utf8
            case UInt8(ascii: "%"): bytes += "%25".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The stored response; `nil` when the request is new.
    ///
    /// - Throws: `Fault` with `idempotencyKeyReused` when the key belongs to another request.
    static func stored(_ request: Request, in tx: borrowing SQLTransaction) throws -> [UInt8]? {
        let rows = try tx.run(
            """
            SELECT request_hash, response FROM idempotency WHERE principal = \(request.principal)
                AND method = \(request.method) AND key = \(request.key)
            """
        )
        guard let row = rows.first else { return nil }
        guard try row.bytes(0) == request.hash else {
            throw Fault(
                .alreadyExists,
                .idempotencyKeyReused,
                "this idempotency key was used for another request",
                field: "Idempotency-Key"
            )
        }
        return try row.bytes(1)
    }

    /// - Throws: `Fault` with `requestInProgress` when a duplicate was stored first.
    static func store(_ response: [UInt8], to request: Request, in tx: borrowing SQLTransaction) throws {
        let inserted = try tx.run(
            """
            INSERT INTO idempotency (principal, method, key, request_hash, response, created_at)
            VALUES (\(request.principal), \(request.method), \(request.key), \(request.hash), \(response),
                \(tx.date.microseconds))
            ON CONFLICT DO NOTHING RETURNING 1
            """
        )
        guard !inserted.isEmpty else {
            throw Fault(
                .aborted,
                .requestInProgress,
                "the same request is being handled",
                retryAfter: .milliseconds(100)
            )
        }
    }

    static func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let before = try tx.date - retention
        return try tx.run(
            """
            DELETE FROM idempotency WHERE (principal, method, key) IN (
                SELECT principal, method, key FROM idempotency WHERE created_at < \(before.microseconds)
                ORDER BY created_at LIMIT \(Outbox.purgeBatch) \(lock: .skipping, in: tx.dialect)
            ) AND created_at < \(before.microseconds) RETURNING 1
            """
        ).count
    }
}
