public import MartletCore

/// Where a client sends its calls: the wire, the handler in this process, or a simulated network.
public protocol RPCChannel: Sendable {
    /// - Throws: `Fault`.
    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response

    /// - Throws: `Fault`, at once or while the stream is read.
    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response>
}

/// The answers of a server-streaming call, in order.
///
/// Read by one task; the callee is not ahead of the reader by more than the transport's window.
public struct ResponseStream<Response: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Response

    /// Answers the next response, or `nil` at the end, and then always `nil`.
    public let pull: @Sendable () async throws -> Response?

    public init(pull: @escaping @Sendable () async throws -> Response?) { self.pull = pull }

    public func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    public struct Iterator: AsyncIteratorProtocol {
        let pull: @Sendable () async throws -> Response?

        public mutating func next() async throws -> Response? { try await pull() }
    }
}
