import HTTPTypes
import MartletCore
import NIOCore
import NIOHTTP1

/// HTTP/1 protocol rules that Hummingbird does not implement: the I/O around ``ConnectionState``.
///
/// `Expect: 100-continue`, HTTP/1.0, `Connection` in any spelling, unread bodies, and one response for a request that is
/// refused or broken. It runs next to HTTP's own codec, where a request's version is still known.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A response for which at most so many bytes are reserved counts as sent when it is written.
    private static let smallBytesMax = 4 << 10

    /// What happens to the response that is being written.
    private enum Output {
        case write
        /// The response to a refused request was written instead: only its end is.
        case replace
        /// There is no request for it.
        case drop
    }

    private let limits: ConnectionLimits
    private let connection: RESTConnection
    /// In front of the codec.
    private let input: RequestGuardHandler
    private let time: any TimeSource
    private let date: DateHeader
    private var state: ConnectionState
    private var output = Output.write
    /// Whole requests that the connection's budget knows.
    private var handled = 0

    init(
        _ limits: ConnectionLimits,
        connection: RESTConnection,
        input: RequestGuardHandler,
        time: any TimeSource,
        date: DateHeader
    ) {
        self.limits = limits
        self.connection = connection
        self.input = input
        self.time = time
        self.date = date
        state = ConnectionState(drainBytesMax: limits.drainBytesMax)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): read(head, context)
        case .body(let bytes):
            connection.progressed(at: time.now)
            forward(state.body(bytes.readableBytes), data, context: context)
        case .end:
            input.parsed()
            let action = state.end()
            count(state.handled, context)
            forward(action, data, context: context)
            if state.isEnding { input.end() }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let refusal as RequestRefusal: refuse(refusal, error: HTTPParserError.unknown, context: context)
        case let error as HTTPParserError: refuse(.unreadable, error: error, context: context)
        default: context.fireErrorCaught(error)
        }
    }

    /// Refuses the next request, or the rest of the one that is being read.
    ///
    /// For `error` the layers above write a response in the request's turn, or the reader of the body fails.
    private func refuse(_ refusal: RequestRefusal, error: HTTPParserError, context: ChannelHandlerContext) {
        let action = state.refuse(refusal)
        if case .fail = action, case .tooSlow = refusal { connection.bodyIsLate() }
        input.end()
        count(state.handled, context)
        switch action {
        case .answer, .fail: context.fireErrorCaught(error)
        case .end: context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .ignore: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        count(0, context)
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        paceInput(context)
        context.fireChannelWritabilityChanged()
    }

    /// Records how many whole requests are being handled.
    private func count(_ now: Int, _ context: ChannelHandlerContext) {
        while handled < now {
            connection.requestArrived()
            handled += 1
        }
        while handled > now {
            connection.requestEnded(at: time.now)
            handled -= 1
        }
        paceInput(context)
    }

    /// Lets the next request begin when the client has taken nearly all of the responses to those before it.
    ///
    /// A request alone is always answered, however long the response is.
    private func paceInput(_ context: ChannelHandlerContext) {
        let mayBegin =
            handled < limits.pipelinedMax && context.channel.isActive && context.channel.isWritable
            && connection.unsentBytes <= limits.unsentBytesHigh
        if mayBegin { input.resume() } else { input.pause() }
    }

    private func read(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isHTTP10 = head.version.major < 1 || (head.version.major == 1 && head.version.minor < 1)
        // The next question about health may need the place of this one.
        let keepsAlive = head.isKeepAlive && !connection.isReserved
        let (action, sendsContinue) = state.head(
            ConnectionState.Head(
                keepsAlive: keepsAlive,
                isHTTP10: isHTTP10,
                expectsContinue: !isHTTP10 && head.headers.first(name: "expect")?.lowercased() == "100-continue",
                length: head.headers.first(name: "content-length").flatMap { Int($0) }
            )
        )
        if sendsContinue { sendContinue(context) }
        var head = head
        // Normalized to the one spelling that the layers above handle.
        if !keepsAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
        forward(action, wrapInboundOut(.head(head)), context: context)
    }

    private func forward(_ action: ConnectionState.InboundAction, _ data: NIOAny, context: ChannelHandlerContext) {
        switch action {
        case .pass: context.fireChannelRead(data)
        case .discard: break
        case .close: context.close(promise: nil)
        }
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): write(head, promise, context: context)
        case .body: if output == .write { context.write(data, promise: promise) } else { promise?.succeed() }
        case .end:
            let written = output
            output = .write
            switch written {
            case .write: writeEnd(data, promise, context: context)
            // Nothing was reserved for it.
            case .replace: context.write(data, promise: promise)
            case .drop: promise?.succeed()
            }
            if written != .drop { responseEnds(context) }
        }
    }

    private func write(_ original: HTTPResponseHead, _ promise: EventLoopPromise<Void>?, context: ChannelHandlerContext)
    {
        guard let begun = state.responseBegins() else {
            output = .drop
            promise?.succeed()
            return
        }
        if let refusal = begun.refusal {
            output = .replace
            return write(refusal, promise, context: context)
        }
        var head = original
        if begun.closes {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if begun.head.isHTTP10 {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
        // In HTTP/1.0 the end of the connection is the end of the body.
        if begun.head.isHTTP10 { head.version = .http1_0 }
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    private func write(_ refusal: RequestRefusal, _ promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        let problem = Problem(refusal.fault, requestID: nil)
        let body = problem.body
        var headers = HTTPHeaders(problem.headers.map { ($0.name.rawName, $0.value) })
        headers.add(name: "content-length", value: "\(body.readableBytes)")
        headers.add(name: "date", value: date.value)
        headers.add(name: "connection", value: "close")
        let status = HTTPResponseStatus(statusCode: problem.status.code, reasonPhrase: problem.status.reasonPhrase)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: promise)
    }

    private func responseEnds(_ context: ChannelHandlerContext) {
        let (endsInput, sendsContinue) = state.responseEnds()
        count(state.handled, context)
        if sendsContinue { sendContinue(context) }
        guard endsInput else { return }
        input.end()
        // The layers above then close the output, once the response is written.
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// Writes the end of a response, and releases its bytes when it is sent.
    private func writeEnd(_ data: NIOAny, _ promise: EventLoopPromise<Void>?, context: ChannelHandlerContext) {
        guard connection.oldestUnsentBytes > Self.smallBytesMax else {
            connection.responseSent()
            return context.write(data, promise: promise)
        }
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated()
            .whenComplete { _ in
                self.connection.responseSent()
                self.paceInput(context)
            }
        context.write(data, promise: sent)
    }

    private func sendContinue(_ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            state.outputEnds()
            input.linger()
        }
        context.close(mode: mode, promise: promise)
    }
}
