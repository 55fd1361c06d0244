import MartletCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call of a client, from its caller to its stream channel.
///
/// Unchecked: after `init`, mutable state is accessed on `loop` only.
final class ClientCallHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundIn = Never
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// Where the outcome goes.
    enum Sink {
        case unary(UnsafeContinuation<ByteBuffer, any Error>)
        case stream(ResponseInbox)
    }

    let loop: any EventLoop
    private let headers: HPACKHeaders
    private let message: ByteBuffer
    private let deadline: Moment?
    private let deadlines: NIOLoopBoundBox<DeadlineTimer<ClientCallHandler>>
    private var call: ClientCall
    private var sink: Sink?
    private var attached = false
    private var outcome: Fault??
    private var response: ByteBuffer?
    private var context: ChannelHandlerContext?
    private var link: ClientLinkHandler?
    private var deadlineNumber: UInt64?
    private var readPaused = false
    /// The server knows the call.
    private var isSent = false
    /// The call was given up, and its stream is left to the server.
    private var isLingering = false

    init(
        headers: HPACKHeaders,
        message: ByteBuffer,
        deadline: Moment?,
        messageBytesMax: Int,
        deadlines: NIOLoopBoundBox<DeadlineTimer<ClientCallHandler>>
    ) {
        self.headers = headers
        self.message = message
        self.deadline = deadline
        self.deadlines = deadlines
        loop = deadlines.eventLoop
        call = ClientCall(messageBytesMax: messageBytesMax)
    }

    /// Sets where the outcome goes.
    ///
    /// A call that has ended already delivers immediately. Only the first sink counts, and is resumed once.
    func attach(_ sink: Sink) {
        guard !attached else { return }
        attached = true
        self.sink = sink
        if let outcome { return deliver(outcome) }
        if let deadline { deadlineNumber = deadlines.value.add(self, until: deadline) }
    }

    /// Opens a stream for this call; the caller is attached.
    func open(on link: ClientLink) {
        guard call.state == .waiting else { return }
        let opened = loop.makePromise(of: (any Channel).self)
        opened.futureResult.whenFailure { _ in
            self.perform(self.call.giveUp(.notProcessed("the connection was lost before the call was sent")))
        }
        link.multiplexer.createStreamChannel(promise: opened) { self.install($0, link) }
    }

    /// Attaches the caller and opens a stream, in one hop to the event loop.
    func begin(_ sink: Sink, on link: ClientLink) {
        let opened = loop.makePromise(of: (any Channel).self)
        opened.futureResult.whenFailure { _ in
            self.attach(sink)
            self.perform(self.call.giveUp(.notProcessed("the connection was lost before the call was sent")))
        }
        link.multiplexer.createStreamChannel(promise: opened) { channel in
            self.attach(sink)
            return self.install(channel, link)
        }
    }

    private func install(_ channel: any Channel, _ link: ClientLink) -> EventLoopFuture<Void> {
        do {
            guard call.state == .waiting else { throw CancellationError() }
            try link.handler.value.admit(self)
            self.link = link.handler.value
            try channel.pipeline.syncOperations.addHandler(self)
            return loop.makeSucceededVoidFuture()
        } catch {
            perform(call.giveUp(Fault(describing: error)))
            return loop.makeFailedFuture(error)
        }
    }

    /// Callable from any thread: the caller no longer waits for the outcome.
    func cancel() {
        loop.execute { self.interrupt(Fault(.cancelled, .cancelled, "the call was cancelled")) }
    }

    /// Ends the call from this side; a stream that is open is reset, or left to the server for a while.
    func interrupt(_ fault: Fault) {
        let isUnary = if case .unary = sink { true } else { false }
        guard case .end(let fault) = call.giveUp(fault) else { return }
        conclude(fault)
        guard let context else { return }
        guard isUnary, isSent, let link else { return context.close(promise: nil) }
        leave(link.abandoned.givenUp(until: deadline, at: deadlines.value.now), context)
    }

    /// The deadline has passed, or the time in which the server should have ended a call that was given up.
    func expire() {
        deadlineNumber = nil
        guard isLingering else { return interrupt(.deadlineExceeded) }
        guard let context, let link else { return }
        leave(link.abandoned.expired(at: deadlines.value.now), context)
    }

    private func leave(_ fate: AbandonedStreams.Fate, _ context: ChannelHandlerContext) {
        switch fate {
        case .reset:
            isLingering = false
            context.close(promise: nil)
        case .wait(let moment):
            isLingering = true
            deadlineNumber = deadlines.value.add(self, until: moment)
        }
    }

    /// Callable from any thread: the reader's queue has capacity again.
    func resumeReading() {
        loop.execute {
            guard self.readPaused else { return }
            self.readPaused = false
            self.context?.read()
        }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // For a stream that never became active, this is the only notification.
        leaveLink()
    }

    func channelActive(context: ChannelHandlerContext) {
        guard call.send() else { return context.close(promise: nil) }
        let sent = loop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { result in
            switch result {
            case .success: self.isSent = true
            case .failure(let error): self.writeFailed(error)
            }
        }
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: sent)
        context.writeAndFlush(
            wrapOutboundOut(.data(.init(data: .byteBuffer(message), endStream: true))),
            promise: nil
        )
        context.fireChannelActive()
    }

    private func writeFailed(_ error: any Error) {
        // HTTP/2 protocol errors precede the first byte; socket errors may follow the last.
        if error is any NIOHTTP2Error {
            perform(call.giveUp(.notProcessed("the connection accepts no more calls")))
        }
    }

    func read(context: ChannelHandlerContext) {
        if case .stream(let inbox) = sink, inbox.shouldPause() {
            readPaused = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            perform(call.received(frame.headers, endStream: frame.endStream))
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            perform(call.received(bytes, endStream: frame.endStream))
            receiveMessages()
            if frame.endStream { perform(call.endedWithoutTrailers()) }
        default: break
        }
    }

    private func receiveMessages() {
        do throws(Fault) {
            while let message = try call.next() {
                switch sink {
                case .stream(let inbox): inbox.append(message)
                case .unary where response == nil: response = message
                case .unary, nil:
                    perform(call.giveUp(Fault(.internal, .internal, "the peer sent more than one message")))
                }
            }
        } catch {
            finish(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let closed = error as? NIOHTTP2Errors.StreamClosed {
            if let goAway = link?.goAway, closed.streamID > goAway.lastStream {
                perform(call.excludedByGoAway(graceful: goAway.code == .noError))
            } else {
                perform(call.reset(closed.errorCode))
            }
        } else if !(error is ChannelError) {
            perform(call.giveUp(Fault(.internal, .internal, "the peer broke the protocol", cause: error)))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(call.disconnected())
        leaveLink()
        context.fireChannelInactive()
    }

    private func leaveLink() {
        let link = link
        self.link = nil
        if isLingering {
            isLingering = false
            link?.abandoned.ended()
            removeDeadline()
        }
        link?.closed(self)
    }

    private func perform(_ step: ClientCall.Step) {
        if case .end(let fault) = step { finish(fault) }
    }

    private func finish(_ fault: Fault?) {
        conclude(fault)
        // Closing a stream that has ended normally does nothing; any other is reset.
        if fault != nil { context?.close(promise: nil) }
    }

    /// Returns the result to the caller.
    private func conclude(_ fault: Fault?) {
        removeDeadline()
        outcome = .some(fault)
        if sink != nil { deliver(fault) }
    }

    private func removeDeadline() {
        guard let number = deadlineNumber else { return }
        deadlineNumber = nil
        deadlines.value.remove(number)
    }

    private func deliver(_ fault: Fault?) {
        guard let sink else { return }
        self.sink = nil
        switch sink {
        case .stream(let inbox): inbox.end(fault)
        case .unary(let continuation):
            if let fault {
                continuation.resume(throwing: fault)
            } else if let response {
                continuation.resume(returning: response)
            } else {
                continuation.resume(throwing: Fault(.internal, .internal, "the peer sent no message"))
            }
        }
    }
}
