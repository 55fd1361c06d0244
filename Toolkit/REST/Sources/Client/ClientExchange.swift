import MartletCore
import NIOCore
import NIOHTTP1
import Synchronization

/// One request of a client, and its response.
final class ClientExchange: Identifiable, Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer
    /// Whose request it is.
    let caller: ExactText
    let responseBytesMax: Int
    /// Gets the bytes of the response's body before they are kept; false refuses them.
    let reserve: @Sendable (Int) -> Bool
    private let promise: EventLoopPromise<HTTP1Client.Response>
    private let ended = Atomic<Bool>(false)
    private let late = Atomic<Bool>(false)

    var response: EventLoopFuture<HTTP1Client.Response> { promise.futureResult }

    /// A request that has ended is not sent any more.
    var isEnded: Bool { ended.load(ordering: .acquiring) }

    /// The request has timed out, and its response may still arrive.
    var isLate: Bool { late.load(ordering: .acquiring) }

    init(
        head: HTTPRequestHead,
        body: ByteBuffer,
        caller: ExactText,
        responseBytesMax: Int,
        reserve: @escaping @Sendable (Int) -> Bool,
        on loop: any EventLoop
    ) {
        self.head = head
        self.body = body
        self.caller = caller
        self.responseBytesMax = responseBytesMax
        self.reserve = reserve
        promise = loop.makePromise(of: HTTP1Client.Response.self)
    }

    /// Only the first call counts.
    func end(_ result: Result<HTTP1Client.Response, any Error>) {
        if claim() { finish(result) }
    }

    func timeOut() {
        guard claim() else { return }
        late.store(true, ordering: .releasing)
        finish(.failure(HTTP1ClientError.timedOut))
    }

    /// Decides how the exchange ends.
    ///
    /// - Returns: True for the first call, which must be followed by `finish`.
    func claim() -> Bool { !ended.exchange(true, ordering: .acquiringAndReleasing) }

    func finish(_ result: Result<HTTP1Client.Response, any Error>) { promise.completeWith(result) }
}

/// Sends one exchange after another on a connection.
final class ClientExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = ClientExchange
    typealias OutboundOut = HTTPClientRequestPart

    private enum State {
        /// Goes to `waiting` with the next exchange.
        case free
        /// Goes to `receiving` with the response's head.
        case waiting(ClientExchange)
        /// Goes to `free` at the response's end, or to `closing`.
        case receiving(ClientExchange, HTTPResponseHead)
        case closing
    }

    /// Called when the connection can be used again.
    private let onFree: () -> Void
    /// Called after the idle timeout, unless an exchange is open.
    private let onIdle: () -> Void
    private var state = State.free
    /// What has arrived of the response's body; not in the state, so that appending does not copy it.
    private var body = ByteBuffer()
    /// The bytes of the response's body that were reserved.
    private var reserved = 0

    init(onFree: @escaping () -> Void, onIdle: @escaping () -> Void) {
        self.onFree = onFree
        self.onIdle = onIdle
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = unwrapOutboundIn(data)
        guard case .free = state else {
            promise?.fail(HTTP1ClientError.connectionClosed)
            return
        }
        state = .waiting(exchange)
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if exchange.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(exchange.body))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        // It was not asked for, and what follows is not HTTP.
        case (.head(let head), .waiting) where head.status == .switchingProtocols:
            fail(HTTP1ClientError.invalidResponse, context)
        case (.head(let head), .waiting(let exchange)):
            state = .receiving(exchange, head)
            if exchange.isLate { return }
            let length = Self.bodyLength(head, of: exchange)
            guard reserve(length, for: exchange, context) else { return }
            body.reserveCapacity(length)
        case (.body(let bytes), .receiving(let exchange, _)):
            // Its caller has stopped waiting.
            if exchange.isLate { return body = ByteBuffer() }
            guard reserve(body.readableBytes + bytes.readableBytes, for: exchange, context) else { return }
            if body.capacity == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
        case (.end, .receiving(let exchange, let head)): complete(exchange, with: head, on: context)
        case (_, .closing): break
        default: fail(HTTP1ClientError.invalidResponse, context)
        }
    }

    /// The length that a response's head announces; 0 for one without a length or without a body.
    private static func bodyLength(_ head: HTTPResponseHead, of exchange: ClientExchange) -> Int {
        guard exchange.head.method != .HEAD, head.status.mayHaveResponseBody else { return 0 }
        return head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    }

    /// Makes sure that the exchange may keep so many bytes; otherwise it fails.
    private func reserve(_ bytes: Int, for exchange: ClientExchange, _ context: ChannelHandlerContext) -> Bool {
        guard bytes <= exchange.responseBytesMax else {
            fail(HTTP1ClientError.responseTooLarge(bytesMax: exchange.responseBytesMax), context)
            return false
        }
        guard bytes > reserved else { return true }
        // An exchange that has ended must not reserve any more: its caller has released everything.
        guard !exchange.isEnded, exchange.reserve(bytes) else {
            fail(HTTP1ClientError.responseRefused, context)
            return false
        }
        reserved = bytes
        return true
    }

    private func complete(_ exchange: ClientExchange, with head: HTTPResponseHead, on context: ChannelHandlerContext) {
        let response = HTTP1Client.Response(status: head.status, headers: head.headers, body: body)
        body = ByteBuffer()
        reserved = 0
        let isWanted = exchange.claim()
        // After a cancellation this connection is about to be closed: no other request may get it.
        guard isWanted || exchange.isLate else {
            state = .closing
            context.close(promise: nil)
            return
        }
        // A response without a length ends when the peer closes.
        let isFree = head.isKeepAlive && exchange.head.isKeepAlive && context.channel.isActive
        state = isFree ? .free : .closing
        // Before the caller continues, so that its next request gets this connection.
        if isFree { onFree() } else { context.close(promise: nil) }
        if isWanted { exchange.finish(.success(response)) }
    }

    /// Closes a connection whose request has timed out, unless its response has arrived.
    ///
    /// On the event loop of `channel`.
    static func abandon(_ exchange: ClientExchange, on channel: any Channel) {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: ClientExchangeHandler.self) else {
            return
        }
        switch handler.state {
        case .waiting(let open), .receiving(let open, _):
            guard open === exchange else { return }
            handler.state = .closing
            channel.close(promise: nil)
        case .free, .closing: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .free = state, event is IdleStateHandler.IdleStateEvent { onIdle() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(HTTP1ClientError.connectionClosed, context)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        switch state {
        case .waiting(let exchange), .receiving(let exchange, _): exchange.end(.failure(error))
        case .free, .closing: break
        }
        state = .closing
        body = ByteBuffer()
        context.close(promise: nil)
    }
}
