import Crypto
public import MartletContract
public import MartletCore
public import MartletSQL
import SwiftProtobuf

extension CallContext {
    /// Runs the effect of a request that writes, and answers its response when the commit is durable.
    ///
    /// With an idempotency key, the response is stored with the effect: a repeat of the same request by the same principal
    /// answers it again without running `body`; a failure leaves no trace. Without a key, `body` simply runs.
    ///
    /// So it does for an anonymous caller, whatever the key: nothing tells one stranger from another, and a key that all of
    /// them share would hand one the answer to another, or refuse one because of another. What a stranger must not do twice
    /// carries its identity in the request, such as a token that the service gave out.
    ///
    /// - Throws: `Fault`: `idempotencyKeyReused` for another request under the same key, `requestInProgress` for a duplicate
    ///   that runs at the same time, `invalidArgument` for a key that is empty or too long, `deadlineExceeded`; otherwise
    ///   whatever `body` or the database throws.
    public func transaction<Response: ContractMessage>(
        on database: any SQLDatabase,
        _ method: MethodDescriptor,
        _ request: some ContractMessage,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Response
    ) async throws -> Response {
        guard let known = try identity(of: request, to: method) else {
            return try await database.transaction("request", deadline: deadline, body)
        }
        return try await database.transaction("request", deadline: deadline) { tx in
            if let stored = try Idempotency.stored(known, in: tx) { return try Response(serializedBytes: stored) }
            let response = try body(tx)
            let bytes: [UInt8] = try response.serializedBytes()
            try Idempotency.store(bytes, to: known, in: tx)
            return response
        }
    }

    /// The response that was stored for this request, if it is a repeat: for a handler that asks others before it writes.
    ///
    /// - Throws: As ``transaction(on:_:_:_:)``.
    public func storedResponse<Response: ContractMessage>(
        _ type: Response.Type = Response.self,
        on database: any SQLDatabase,
        _ method: MethodDescriptor,
        _ request: some ContractMessage
    ) async throws -> Response? {
        guard let known = try identity(of: request, to: method) else { return nil }
        let stored = try await database.read("request.stored", deadline: deadline) { tx in
            try Idempotency.stored(known, in: tx)
        }
        return try stored.map { try Response(serializedBytes: $0) }
    }

    /// Whose request under which key this is; `nil` when no answer is kept for it.
    private func identity(
        of request: some ContractMessage,
        to method: MethodDescriptor
    ) throws -> Idempotency.Request? {
        guard let key = idempotencyKey else { return nil }
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
