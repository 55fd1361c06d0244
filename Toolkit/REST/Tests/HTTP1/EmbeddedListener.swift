import MartletCore
import MartletTesting
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import MartletREST

/// A connection to a listener without a socket, on virtual time; the test responds to its requests.
struct EmbeddedListener {
    let channel = EmbeddedChannel()
    private let requests = Requests()
    private let client = Client()
    private let connection: RESTConnection

    init(_ limits: ConnectionLimits) throws {
        let budget = ListenerBudget(ListenerLimits(descriptors: 1_024))
        let time = ManualTime()
        guard let share = budget.open(from: nil, time: time, close: {}) else { throw NoSpace() }
        let input = RequestGuardHandler(limits)
        connection = RESTConnection(share, peer: nil)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(client)
        try pipeline.addHandler(input)
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        try pipeline.addHandler(
            ConnectionHandler(
                limits,
                connection: connection,
                input: input,
                time: time,
                date: DateHeader(time)
            )
        )
        try pipeline.addHandler(requests)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// The targets of the requests that have arrived.
    var targets: [String] { requests.targets }
    /// Errors, as the layers above the connection get them.
    var errors: Int { requests.errors }
    var endedInputs: Int { requests.endedInputs }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// The client closes its half of the connection.
    func endInput() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

    /// Writes a response without a body, as the layers above do it for the next request.
    func respond(_ status: HTTPResponseStatus = .ok) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: ["content-length": "0"])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        channel.embeddedEventLoop.run()
    }

    /// The bytes of responses that have begun and that the client has not taken.
    var unsentBytes: Int { connection.unsentBytes }

    /// Writes a response with so many bytes, as a server does it for the next request.
    func respond(bytes: Int) {
        _ = connection.setResponse(bytes)
        connection.responseBegins()
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "\(bytes)"])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        let body = ByteBuffer(repeating: 120, count: bytes)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        channel.embeddedEventLoop.run()
    }

    /// The client takes nothing from here on.
    func stopTaking() { client.isTaking = false }

    /// The client takes what was written, and then nothing.
    func take() {
        client.take()
        channel.embeddedEventLoop.run()
    }

    /// Whether the system's buffer has space for more.
    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
    }

    /// Everything that the listener has sent since the last call.
    func received() throws -> String {
        var bytes = ByteBuffer()
        while let part = try channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let part) = part { bytes.writeImmutableBuffer(part) }
        }
        return String(buffer: bytes)
    }

    private struct NoSpace: Error {}
}

/// Holds what is written while the client takes nothing.
private final class Client: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    var isTaking = true
    private var context: ChannelHandlerContext?
    private var waiting: [(IOData, EventLoopPromise<Void>?)] = []

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        for (_, promise) in waiting { promise?.fail(ChannelError.ioOnClosedChannel) }
        waiting = []
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isTaking else { return context.write(data, promise: promise) }
        waiting.append((unwrapOutboundIn(data), promise))
    }

    func take() {
        let taken = waiting
        waiting = []
        for (bytes, promise) in taken { context?.write(wrapOutboundOut(bytes), promise: promise) }
        context?.flush()
    }
}

/// Records what the layers above the connection get.
private final class Requests: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private(set) var targets: [String] = []
    private(set) var errors = 0
    private(set) var endedInputs = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { targets.append(head.uri) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { errors += 1 }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { endedInputs += 1 }
    }
}
