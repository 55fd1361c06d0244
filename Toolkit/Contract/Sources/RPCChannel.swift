public import MartletCore

/// The transport of a client's calls: the network, a handler in this process, or a simulated network.
public protocol RPCChannel: Sendable {
    /// - Throws: `Fault`.
    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response

    /// - Throws: `Fault`, immediately or while the stream is read.
    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response>
}

/// The responses of a server-streaming call, in order.
///
/// Read by one task. Backpressure: the server is ahead of the reader by at most the transport's window.
public struct ResponseStream<Response: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Response

    /// Returns the next response, or `nil` at the end and on every later call.
    public let pull: @Sendable () async throws -> Response?

    public init(pull: @escaping @Sendable () async throws -> Response?) { self.pull = pull }

    public func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    public struct Iterator: AsyncIteratorProtocol {
        let pull: @Sendable () async throws -> Response?

        public mutating func next() async throws -> Response? { try await pull() }
    }
}
