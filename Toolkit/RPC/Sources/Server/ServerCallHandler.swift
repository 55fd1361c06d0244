import Logging
import MartletContract
import MartletCore
import NIOCore
import NIOHTTP2
import SwiftProtobuf

/// One call on its stream channel: feeds ``ServerCall`` and performs its actions.
///
/// Confined to the connection's event loop.
final class ServerCallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    let connection: ServerConnectionHandler
    private var call: ServerCall
    private var context: ChannelHandlerContext?
    private var task: Task<Void, Never>?
    private var waitingWriter: CheckedContinuation<Void, any Error>?
    private var deadline: Moment?
    private var deadlineNumber: UInt64?
    /// Whose call it is.
    private var caller: ExactText = ""
    /// Of a stream: what it was called with, so that its caller is authenticated again.
    var streamCall: (method: ServedMethod, head: RequestHead)?
    /// The handler still runs although the call is over.
    private var isAbandoned = false
    /// The connection is not idle because of this call's handler.
    private var isCounted = false
    /// Bytes that are reserved until the call is over and its handler has ended.
    private var reserved = 0
    /// Of the short messages of a stream: the bytes that may wait for the client.
    private var streamed = 0
    private var isClosed = false

    init(_ connection: ServerConnectionHandler) {
        self.connection = connection
        let limits = connection.core.limits
        call = ServerCall(
            table: connection.core.table,
            headerBytesMax: limits.headerBytesMax,
            messageBytesMax: limits.messageBytesMax
        )
    }

    /// The request has arrived, and its handler runs.
    var isRunning: Bool { call.isRunning }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // For a stream that never became active, this is the only notification.
        connection.closed(self)
        isClosed = true
        releaseWhenOver()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            let step = call.received(frame.headers, endStream: frame.endStream) { (method, head) throws(Fault) in
                try admit(method, head)
            }
            perform(step)
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            connection.progressed()
            perform(call.received(bytes, endStream: frame.endStream) { reserve($0) })
        default: break
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeWriter(nil) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // RST_STREAM or malformed frames of this stream; `channelInactive` follows once the stream is closed.
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if call.lost() { cancelHandler() }
        resumeWriter(CancellationError())
        removeDeadline()
        connection.closed(self)
        isClosed = true
        releaseWhenOver()
        context.fireChannelInactive()
    }

    // MARK: Admission

    /// Decides about the call when its headers have arrived, or has its token verified.
    private func admit(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> ServerCall.Admission {
        switch try connection.authenticate(method, head) {
        case .known(let principal):
            let principal = try admit(.success(principal), to: method, head)
            try reserveCall(head)
            return .admitted(principal)
        case .unverified(let token):
            // It is held meanwhile, as a call without a token.
            try reserveCall(head)
            let done = NIOLoopBound(verified, eventLoop: connection.executor.loop)
            try connection.verify(token, for: method, done: done)
            return .pending
        }
    }

    private func admit(
        _ identity: Result<Principal, any Error>,
        to method: ServedMethod,
        _ head: RequestHead
    ) throws(Fault) -> Principal {
        let principal = try connection.admit(identity, to: method, head)
        caller = principal.subject
        return principal
    }

    private func reserveCall(_ head: RequestHead) throws(Fault) {
        guard reserve(connection.core.limits.callBytes + head.bytes) else {
            throw .overloaded("too many bytes of requests and responses are in flight")
        }
    }

    /// The call's token was verified; the call may be over.
    private func verified(_ result: Result<Principal, any Error>) {
        perform(call.verified { (method, head) throws(Fault) in try admit(result, to: method, head) })
    }

    /// - Returns: False when too many bytes would be held.
    private func reserve(_ bytes: Int) -> Bool {
        guard connection.reserve(bytes) else { return false }
        reserved += bytes
        return true
    }

    private func releaseWhenOver() {
        guard isClosed, task == nil else { return }
        connection.release(reserved)
        reserved = 0
    }

    /// Ends the call early: its deadline has passed, or the server drains.
    func interrupt(_ fault: Fault) {
        guard let end = call.end(fault) else { return }
        finish(end)
        cancelHandler()
        resumeWriter(CancellationError())
    }

    private func cancelHandler() {
        guard let task else { return }
        isAbandoned = true
        connection.handlerAbandoned(by: caller)
        task.cancel()
    }

    private func handlerEnded() {
        if isAbandoned { connection.abandonedHandlerEnded(by: caller) }
        if isCounted { connection.handlerEnded() }
        task = nil
        releaseWhenOver()
    }

    /// A keepalive interval is over: ends the call if its client makes no progress.
    func intervalOver() {
        switch call.intervalOver() {
        case .wait: break
        case .endCall:
            interrupt(Fault(.deadlineExceeded, .deadlineExceeded, "the request did not arrive in time"))
        case .closeStream: context?.close(promise: nil)
        }
    }

    private func perform(_ step: ServerCall.Step) {
        switch step {
        case .wait: break
        case .startDeadline(let timeout): startDeadline(timeout)
        case .end(let end): finish(end)
        case .reset: reset(.protocolError)
        case .start(let request):
            if deadline == nil { startDeadline(request.head.timeout) }
            if !call.isOver { start(request) }
        }
    }

    private func startDeadline(_ timeout: Duration?) {
        guard let timeout else { return }
        let deadline = connection.core.runtime.time.now + timeout
        self.deadline = deadline
        if timeout <= .zero {
            interrupt(.deadlineExceeded)
        } else {
            deadlineNumber = connection.deadlines.add(self, until: deadline)
        }
    }

    private func removeDeadline() {
        guard let number = deadlineNumber else { return }
        deadlineNumber = nil
        connection.deadlines.remove(number)
    }

    private func start(_ request: ServerCall.Start) {
        let method = request.method
        let message: any ContractMessage
        do {
            message = try Self.decode(request.message, method)
        } catch {
            let fault = Fault(describing: error)
            Self.log(fault, of: method.descriptor, core: connection.core)
            return end(fault)
        }
        if case .serverStream = method.form { beginStream(method, request.head) }
        isCounted = connection.handlerBegan()
        let box = NIOLoopBound(self, eventLoop: connection.executor.loop)
        let core = connection.core
        let context = CallContext(
            deadline: deadline,
            principal: request.principal,
            idempotencyKey: request.head.idempotencyKey,
            trace: core.trace(request.head),
            metadata: request.head.metadata
        )
        task = Self.spawn(on: connection.executor) {
            await Self.run(box, core: core, method: method, request: message, context: context)
        }
    }

    private static func spawn(
        on executor: LoopExecutor,
        _ body: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        Task(executorPreference: executor) { await body() }
    }

    /// Runs on the connection's event loop whenever it does not wait for something.
    private static func run(
        _ box: NIOLoopBound<ServerCallHandler>,
        core: ServerCore,
        method: ServedMethod,
        request: any ContractMessage,
        context: CallContext
    ) async {
        do {
            try await TraceContext.$current.withValue(context.trace) {
                try await respond(box, method: method, request: request, context: context)
            }
            box.value.end(nil)
        } catch {
            let fault = Fault(describing: error)
            log(fault, of: method.descriptor, core: core)
            box.value.end(fault)
        }
        box.value.handlerEnded()
    }

    private static func respond(
        _ box: NIOLoopBound<ServerCallHandler>,
        method: ServedMethod,
        request: any ContractMessage,
        context: CallContext
    ) async throws {
        switch method.form {
        case .unary(let handle):
            let response = try await handle(request, context)
            try box.value.send(response)
        case .serverStream(let handle):
            let responses = try await handle(request, context)
            while let response = try await responses.pull() {
                try Task.checkCancellation()
                let writable = try box.value.send(response)
                if !writable { try await waitUntilWritable(box) }
            }
        }
    }

    private static func decode(_ message: ByteBuffer, _ method: ServedMethod) throws -> any ContractMessage {
        do { return try method.decode(ReceivedMessage(message)) } catch {
            throw Fault(.invalidArgument, .malformedRequest, "the request is not the method's message", cause: error)
        }
    }

    private static func log(_ fault: Fault, of method: MethodDescriptor, core: ServerCore) {
        if fault.code == .internal {
            core.logger.error(
                "call failed with an internal error",
                metadata: ["rpc.method": "\(method.path)", "cause": "\(fault.cause ?? fault)"]
            )
        } else {
            core.logger.debug("call refused", metadata: ["rpc.method": "\(method.path)", "reason": "\(fault.reason)"])
        }
    }

    /// - Returns: False when the writer must wait until the channel is writable.
    @discardableResult
    private func send(_ response: any ContractMessage) throws -> Bool {
        let message: FramedMessage = try response.serializedBytes()
        let limit = connection.core.limits.messageBytesMax
        guard message.count <= limit else {
            // Not a code that means "not executed": the handler has run.
            throw Fault(
                .internal,
                .internal,
                "a response of \(message.count) bytes is longer than the limit of \(limit)"
            )
        }
        guard !call.isOver, let context else { throw CancellationError() }
        let written = try promise(of: message.buffer.readableBytes, context)
        guard let headFirst = call.send() else { throw CancellationError() }
        if headFirst { context.write(wrapOutboundOut(.headers(.init(headers: Status.responseHead))), promise: nil) }
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(message.buffer)))), promise: written)
        if streams { context.flush() }
        return context.channel.isWritable
    }

    /// Reserves the bytes of a message until it is written; a short one is part of what its call has reserved.
    ///
    /// - Throws: `Fault` when the client has too much to read; then the stream is reset.
    private func promise(of bytes: Int, _ context: ChannelHandlerContext) throws(Fault) -> EventLoopPromise<Void>? {
        guard bytes > connection.core.limits.callBytes else {
            if streams { try growStream(by: bytes) }
            return nil
        }
        guard connection.reserve(bytes) else { throw responseHasNoSpace() }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let connection = NIOLoopBound(connection, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in
            connection.value.progressed()
            connection.value.release(bytes)
        }
        return promise
    }

    /// Reserves what the short messages of a stream hold at most: all that were sent, up to what its channel takes.
    ///
    /// The first of them are part of what its call has reserved.
    private func growStream(by bytes: Int) throws(Fault) {
        let limits = connection.core.limits
        let sum = min(streamed + bytes, max(limits.outboundBytesMax, limits.callBytes))
        let due = max(0, sum - limits.callBytes) - max(0, streamed - limits.callBytes)
        guard due == 0 || reserve(due) else { throw responseHasNoSpace() }
        streamed = sum
    }

    private func responseHasNoSpace() -> Fault {
        _ = call.lost()
        // Not a code that means "not executed": the handler has run.
        reset(.enhanceYourCalm)
        return Fault(.unavailable, .overloaded, "too many bytes of requests and responses are in flight")
    }

    private func end(_ fault: Fault?) {
        if let end = call.end(fault) { finish(end) }
    }

    private func finish(_ end: ServerCall.End) {
        removeDeadline()
        guard let context else { return }
        context.writeAndFlush(
            wrapOutboundOut(.headers(.init(headers: end.trailers, endStream: true))),
            promise: nil
        )
        if end.resets { reset(.noError) }
    }

    private func reset(_ code: HTTP2ErrorCode) {
        removeDeadline()
        context?.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }

    private static func waitUntilWritable(_ box: NIOLoopBound<ServerCallHandler>) async throws {
        try await withCheckedThrowingContinuation { continuation in
            box.value.wait(continuation)
        }
    }

    private func wait(_ continuation: CheckedContinuation<Void, any Error>) {
        guard !call.isOver, let context else { return continuation.resume(throwing: CancellationError()) }
        if context.channel.isWritable { return continuation.resume() }
        waitingWriter = continuation
    }

    private func resumeWriter(_ error: (any Error)?) {
        guard let continuation = waitingWriter else { return }
        waitingWriter = nil
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
    }
}
