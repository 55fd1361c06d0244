import Crypto
public import MartletContract
public import MartletCore
public import MartletSQL
import SwiftProtobuf

extension Call {
    /// Runs the writes of the call in a transaction, and returns its response when the commit is durable.
    ///
    /// With an idempotency key, the response is stored in the same transaction: a repeat of the same request by the
    /// same principal returns it again without running `body`; a failure stores nothing. Without a key, `body` simply
    /// runs.
    ///
    /// The key of an anonymous caller is ignored: anonymous callers cannot be distinguished, so a shared key would
    /// return one caller's response to another, or refuse one because of another. An anonymous request that must not
    /// run twice carries its identity in the body, such as a token that the service issued.
    ///
    /// ```swift
    /// struct LinksHandler {
    ///     let runtime: Runtime
    ///
    ///     func shorten(_ request: ShortenRequest, _ call: Call) async throws -> ShortenResponse {
    ///         let code = "\(runtime.identifier())"
    ///         return try await call.write { tx in
    ///             try tx.run("INSERT INTO links (code, url) VALUES (\(code), \(request.url))")
    ///             return .with { $0.code = code }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - names: Named locks of rows that many requests change, so that they wait for each other instead of running
    ///     again; see ``lockNames(_:)`` for names that only the database knows. Made only where the database takes them.
    ///   - body: Runs its statements on `tx`; must not wait for anything else.
    /// - Throws: `Fault`: `idempotencyKeyReused` for another request under the same key, `requestInProgress` for a
    ///   duplicate that runs at the same time, `invalidArgument` for a key that is empty or too long,
    ///   `deadlineExceeded`; otherwise what `body` or the database throws.
    public func write<Response: ContractMessage>(
        locking names: @autoclosure () -> [ExactText] = [],
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Response
    ) async throws -> Response {
        let options = SQLOptions(deadline: deadline, locks: database.namedLocks == .taken ? names() : [])
        guard let keyed = try identity() else {
            return try await database.transaction("request", options: options, body)
        }
        return try await database.transaction("request", options: options) { tx in
            if let stored = try Idempotency.stored(keyed, in: tx) { return try Response(serializedBytes: stored) }
            let response = try body(tx)
            let bytes: [UInt8] = try response.serializedBytes()
            try Idempotency.store(bytes, to: keyed, in: tx)
            return response
        }
    }

    /// The names of locks that only the database knows, for ``write(locking:_:)``; nothing where none are taken.
    ///
    /// What they were read from may change before the transaction begins: it decides anew.
    ///
    /// - Throws: As `read`.
    public func lockNames(
        _ read: @escaping @Sendable (borrowing SQLTransaction) throws -> [ExactText]
    ) async throws -> [ExactText] {
        try await database.lockNames("request.locks", deadline: deadline, read)
    }

    /// The stored response of this call, if it is a repeat: for a handler that calls other services before it writes.
    ///
    /// - Throws: As ``write(locking:_:)``.
    public func storedResponse<Response: ContractMessage>(
        as type: Response.Type = Response.self
    ) async throws -> Response? {
        guard let keyed = try identity() else { return nil }
        let stored = try await database.read("request.stored", deadline: deadline) { tx in
            try Idempotency.stored(keyed, in: tx)
        }
        return try stored.map { try Response(serializedBytes: $0) }
    }

    /// The request's idempotency identity; `nil` when no response is stored for it.
    private func identity() throws -> Idempotency.Request? {
        guard let key = context.idempotencyKey else { return nil }
        guard 1...Idempotency.keyLimit ~= key.utf8.count else {
            throw Fault(
                .invalidArgument,
                .invalidRequest,
                "must have 1 to \(Idempotency.keyLimit) bytes",
                field: "Idempotency-Key"
            )
        }
        guard let owner = Idempotency.owner(principal) else { return nil }
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let bytes: [UInt8] = try request.serializedBytes(options: options)
        return Idempotency.Request(
            principal: owner,
            method: method.path,
            key: key,
            hash: Array(SHA256.hash(data: bytes))
        )
    }
}
