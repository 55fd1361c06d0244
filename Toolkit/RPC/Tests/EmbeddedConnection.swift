import MartletCore
import NIOCore
import NIOEmbedded
import NIOHPACK

@testable import MartletRPC

/// A connection to the server without a socket, on virtual time.
struct EmbeddedConnection {
    /// The default limits; a call without a token may take as long as it likes.
    static var limits: RPCServerLimits {
        var limits = RPCServerLimits()
        limits.authenticationTimeout = .seconds(86_400)
        return limits
    }

    let channel = EmbeddedChannel()
    let texts = Texts()
    private let server: RPCServer

    init(
        limits: RPCServerLimits = EmbeddedConnection.limits,
        budget: ListenerBudget = ListenerBudget(ListenerLimits(descriptors: 1_024)),
        runtime: Runtime = .system
    ) throws {
        server = RPCFixture.server(texts, port: 0, limits: limits, budget: budget, runtime: runtime)
        try server.accept(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func drain() throws { try channel.pipeline.syncOperations.handler(type: ServerConnectionHandler.self).drain() }

    /// Sends bytes and returns the frames that the server sends back.
    func send(_ bytes: [UInt8]) throws -> [WireFrame] {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        return try received()
    }

    /// One keepalive interval passes, and the client sends a PING acknowledgement.
    func intervalOver() throws -> [WireFrame] {
        let frames = try advance(by: RPCServerLimits().keepAlive)
        return try frames + send(Wire.frame(6, flags: 1, stream: 0, payload: [1, 2, 3, 4, 5, 6, 7, 8]))
    }

    func advance(by duration: Duration) throws -> [WireFrame] {
        channel.embeddedEventLoop.advanceTime(by: TimeAmount(duration))
        return try received()
    }

    func received() throws -> [WireFrame] {
        channel.embeddedEventLoop.run()
        var bytes = ByteBuffer()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeImmutableBuffer(part) }
        var frames: [WireFrame] = []
        while let frame = WireFrame.parse(&bytes) { frames.append(frame) }
        return frames
    }

    /// The fault with which the server has ended a call; `nil` for success, or when it has not ended.
    ///
    /// `frames` are all that the server has sent since the connection began.
    static func fault(of stream: UInt32, in frames: [WireFrame]) throws -> Fault? {
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        var fault: Fault?
        for frame in frames where frame.kind == 1 {
            var block = ByteBuffer(bytes: frame.payload)
            let headers = try decoder.decodeHeaders(from: &block)
            if frame.stream == stream, frame.endsStream { fault = Status.read(headers) }
        }
        return fault
    }
}
