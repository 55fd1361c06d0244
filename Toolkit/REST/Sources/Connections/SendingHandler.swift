import MartletCore
import NIOCore

/// Sends a connection's responses to slow clients, as long as they take them: the I/O around ``SendProgress``.
///
/// It is the first handler of the pipeline. It reads nothing more while a whole request is handled, or while its response
/// waits for the client. What arrives nevertheless behind a request is reserved, until all of it is handed on. A connection is closed when everything that was written is sent, and the client has closed, too,
/// or some time has passed: to close it with unread bytes can discard the response. A client that takes too little is cut
/// off.
final class SendingHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private enum State {
        case open
        /// Our direction closes when everything is sent; what arrives is still read, so that it is not in the way.
        case closingOutput
        /// As `closingOutput`, and what arrives is dropped.
        case closing
        /// It closes with whatever is not sent.
        case cut
    }

    /// A client that has taken nothing for this part of its time is idle.
    private static let idlePart = 6

    private let limits: ConnectionLimits
    private let connection: RESTConnection
    /// Holds the requests that wait.
    private let input: RequestGuardHandler
    private let time: any TimeSource
    private var progress: SendProgress
    private var state = State.open
    /// Runs while bytes wait.
    private var check: Scheduled<Void>?
    private let checkInterval: Duration
    /// After so many checks without progress the client is idle.
    private let pausesMax: Int
    /// Checks since the client has taken something.
    private var pauses = 0
    private var linger: Scheduled<Void>?
    /// Whether the connection counts as not idle since the client takes bytes.
    private var isCounted = false
    private var isReadDue = false
    /// Bytes have arrived while a request is handled, or waits.
    private var hasQueued = false
    /// The connection closes after the responses to the requests that are handled.
    private var leaves = false

    init(
        _ limits: ConnectionLimits,
        connection: RESTConnection,
        input: RequestGuardHandler,
        time: any TimeSource
    ) {
        self.limits = limits
        self.connection = connection
        self.input = input
        self.time = time
        progress = SendProgress(timeout: limits.sendTimeout, bytesMin: limits.sendBytesMin)
        let idleTime = limits.sendTimeout / Self.idlePart
        checkInterval = min(limits.sendCheck, idleTime)
        pausesMax = Int((idleTime / checkInterval).rounded(.up))
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    /// Another connection needs the space of this one: it closes now, or when no request is handled any more.
    func makeSpace(_ context: ChannelHandlerContext) {
        if connection.gaveWay {
            cut(context)
        } else if connection.handled > 0 {
            leaves = true
        } else {
            closeAll(context, nil)
        }
    }

    private func cut(_ context: ChannelHandlerContext) {
        state = .cut
        context.close(promise: nil)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closing else { return }
        if state == .open, connection.handled > 0 || input.holdsBytes {
            // Reading is paused, but NIO reads a client that has closed its direction to its end.
            guard connection.queue(unwrapInboundIn(data).readableBytes) else { return cut(context) }
            hasQueued = true
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        isReadDue = true
        resumeReading(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // The client has taken a part, or from here on the writer of the response waits for it.
        connection.progressed(at: time.now)
        connection.setBlocked(!context.channel.isWritable)
        resumeReading(context)
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard isReadDue, connection.handled == 0, context.channel.isWritable else { return }
        isReadDue = false
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        switch state {
        case .open, .cut: break
        // The layers above may have stopped reading.
        case .closingOutput, .closing: context.read()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        check?.cancel()
        check = nil
        linger?.cancel()
        linger = nil
        setSending(false)
        state = .cut
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        progress.wrote(unwrapOutboundIn(data).readableBytes)
        // Before the response ends, so that the connection is not idle in between.
        pauses = 0
        setSending(true)
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        let now = time.now
        let waits = progress.flushed(unsent: Self.unsent(context), at: now)
        if check == nil, isCounted {
            // From here on the connection waits for the client.
            connection.progressed(at: now)
            if waits { scheduleCheck(context) } else { setSending(false) }
        }
        if connection.handled == 0 { handledAll(context) }
    }

    /// No request is handled, and the end of the last response is written.
    private func handledAll(_ context: ChannelHandlerContext) {
        if hasQueued, !input.holdsBytes {
            hasQueued = false
            connection.queueEnded()
        }
        if leaves {
            leaves = false
            closeAll(context, nil)
        }
        resumeReading(context)
    }

    /// The bytes that the system has not taken.
    private static func unsent(_ context: ChannelHandlerContext) -> Int {
        // A connection that is closed has none.
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func scheduleCheck(_ context: ChannelHandlerContext) {
        let interval = TimeAmount.nanoseconds(checkInterval.nanosecondsClamped)
        check = context.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.check = nil
            self.checkProgress(context)
        }
    }

    private func checkProgress(_ context: ChannelHandlerContext) {
        let now = time.now
        switch progress.check(unsent: Self.unsent(context), at: now) {
        case .sent:
            connection.progressed(at: now)
            return setSending(false)
        case .sending:
            connection.progressed(at: now)
            pauses = 0
            setSending(true)
        case .paused:
            pauses += 1
            // For a connection too many, this one may close.
            if pauses >= pausesMax { setSending(false) }
        case .stalled: return cut(context)
        }
        scheduleCheck(context)
    }

    private func setSending(_ isSending: Bool) {
        guard isSending != isCounted else { return }
        isCounted = isSending
        connection.setSending(isSending)
    }

    // MARK: Close

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output: closeOutput(context, promise)
        case .all: closeAll(context, promise)
        case .input:
            // The listener stops without waiting for responses.
            state = .cut
            context.close(mode: .input, promise: promise)
        }
    }

    /// Closes our direction when everything is sent.
    ///
    /// The system would do so, too, but not for a peer that has closed its direction: the rest would be lost.
    private func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard state == .open else { return context.close(mode: .output, promise: promise) }
        state = .closingOutput
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated()
            .whenComplete { _ in
                context.close(mode: .output, promise: promise)
                self.lingers(context)
            }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: sent)
        context.read()
    }

    /// Closes when everything is sent, unless the client has stopped taking it.
    private func closeAll(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        if state != .cut, isCounted, Self.unsent(context) > 0 {
            if state == .open { closeOutput(context, nil) }
            if state == .closingOutput { state = .closing }
        }
        guard state == .closing else {
            state = .cut
            return context.close(promise: promise)
        }
        if let promise { context.channel.closeFuture.cascade(to: promise) }
    }

    /// Everything is sent: the peer may close first.
    private func lingers(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, linger == nil else { return }
        linger = context.eventLoop.assumeIsolated()
            .scheduleTask(in: .nanoseconds(limits.linger.nanosecondsClamped)) {
                self.state = .cut
                context.close(promise: nil)
            }
    }
}
