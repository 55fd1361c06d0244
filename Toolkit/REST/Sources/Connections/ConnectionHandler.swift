import MartletCore
import NIOCore
import NIOHTTP1

/// HTTP/1's manners, which Hummingbird leaves out: the effects around ``ConnectionState``.
///
/// `Expect: 100-continue`, HTTP/1.0, `Connection` in any spelling, bodies that nobody reads, and a goodbye that does not cut off
/// the last answer. It stands next to HTTP's own codec, where a request's version is still known.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: ConnectionLimits
    private var state: ConnectionState
    private var goodbye: Scheduled<Void>?

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        state = ConnectionState(drainBytesMax: limits.drainBytesMax)
    }

    func handlerRemoved(context: ChannelHandlerContext) { goodbye?.cancel() }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): read(head, context)
        case .body(let bytes): go(state.body(bytes.readableBytes), data, context)
        case .end: go(state.end(), data, context)
        }
    }

    private func read(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isOld = head.version.major < 1 || (head.version.major == 1 && head.version.minor < 1)
        let (passage, asksForBody) = state.head(
            ConnectionState.Head(
                keepsAlive: head.isKeepAlive,
                isOld: isOld,
                expectsContinue: !isOld && head.headers.first(name: "expect")?.lowercased() == "100-continue",
                length: head.headers.first(name: "content-length").flatMap { Int($0) }
            )
        )
        if asksForBody { askForBody(context) }
        var head = head
        // In the one spelling that the layers above know.
        if !head.isKeepAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
        go(passage, wrapInboundOut(.head(head)), context)
    }

    private func go(_ passage: ConnectionState.Passage, _ data: NIOAny, _ context: ChannelHandlerContext) {
        switch passage {
        case .pass: context.fireChannelRead(data)
        case .drop: break
        case .close: context.close(promise: nil)
        }
    }

    // MARK: What goes out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if let (request, closes) = state.answerBegins() {
                if closes {
                    head.headers.replaceOrAdd(name: "connection", value: "close")
                } else if request.isOld {
                    head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
                }
                // Then the end of the connection is the end of the body.
                if request.isOld { head.version = .http1_0 }
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            let (endsInput, asksForBody) = state.answerEnds()
            if asksForBody { askForBody(context) }
            // The layers above then close the output, once the answer is out.
            if endsInput { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        }
    }

    private func askForBody(_ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// A connection with unread bytes that is closed at once takes the answer with it: so the peer is given time to hang up.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output, goodbye == nil {
            state.outputEnds()
            goodbye = context.eventLoop.assumeIsolated()
                .scheduleTask(in: .nanoseconds(limits.linger.nanosecondsClamped)) { context.close(promise: nil) }
        }
        context.close(mode: mode, promise: promise)
    }
}
