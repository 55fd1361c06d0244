public import MartletCore
public import MartletSQL

/// One call, as its handler sees it: its request, the metadata that came with it, and the service's own database.
///
/// `MartletOutbox` adds `write`, which stores the response under the caller's idempotency key.
///
/// ```swift
/// func getLink(_ request: GetLinkRequest, _ call: Call) async throws -> GetLinkResponse {
///     let url = try await call.read { tx in try tx.run("SELECT url FROM links WHERE code = \(request.code)").first?.text(0) }
///     guard let url else { throw Fault(.notFound, "links.unknown", "there is no link \(request.code)", field: "code") }
///     return .with { $0.url = url }
/// }
/// ```
public struct Call: Sendable {
    /// The method that was called.
    public let method: MethodDescriptor
    /// The decoded request, whose rules are checked: the handler's first argument.
    public let request: any ContractMessage
    /// As received.
    public let context: CallContext
    /// The name of the service that handles the call.
    public let service: String
    /// The service's own.
    public let database: any SQLDatabase

    /// For tests of handlers; a ``ServedContract`` makes the others.
    public init(
        _ method: MethodDescriptor,
        _ request: some ContractMessage,
        context: CallContext,
        on platform: some CallPlatform
    ) {
        self.init(method, request, context: context, service: platform.service, database: platform.database)
    }

    init(
        _ method: MethodDescriptor,
        _ request: any ContractMessage,
        context: CallContext,
        service: String,
        database: any SQLDatabase
    ) {
        self.method = method
        self.request = request
        self.context = context
        self.service = service
        self.database = database
    }

    /// Who is calling.
    public var principal: Principal { context.principal }
    /// When the caller stops waiting; `nil` when it never does.
    public var deadline: Moment? { context.deadline }
    /// The trace that the call belongs to; `nil` for none.
    public var trace: TraceContext? { context.trace }

    /// The context for the calls that the handler makes: same deadline and trace, this service for the user or the
    /// guest who called, no idempotency key.
    public var outgoing: CallContext { context.outgoing(as: service) }

    /// Runs `body` on a snapshot of the service's database; writes are refused.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies; by default the handler's.
    ///   - kind: `scan` for a search, a list, a sum or an export: such reads leave a connection for others, and wait for
    ///     each other.
    ///   - body: Runs its statements on `tx`; must not wait for anything else.
    /// - Throws: `SQLError`; `Fault` with `deadlineExceeded` once the caller has stopped waiting; otherwise what `body`
    ///   throws.
    public func read<R: Sendable>(
        _ name: StaticString = #function,
        kind: SQLReadKind = .lookup,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.read(name, kind: kind, deadline: deadline, body)
    }
}
