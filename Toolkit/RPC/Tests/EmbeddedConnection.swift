import MartletCore
import NIOCore
import NIOEmbedded

@testable import MartletRPC

/// A connection to the server without a socket, on virtual time.
struct EmbeddedConnection {
    let channel = EmbeddedChannel()
    private let server = RPCFixture.server(Texts(), port: 0, limits: RPCServerLimits())

    init() throws {
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
        channel.embeddedEventLoop.advanceTime(by: TimeAmount(RPCServerLimits().keepAlive))
        let frames = try received()
        return try frames + send(Wire.frame(6, flags: 1, stream: 0, payload: [1, 2, 3, 4, 5, 6, 7, 8]))
    }

    func received() throws -> [WireFrame] {
        channel.embeddedEventLoop.run()
        var bytes = ByteBuffer()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeImmutableBuffer(part) }
        var frames: [WireFrame] = []
        while let frame = WireFrame.parse(&bytes) { frames.append(frame) }
        return frames
    }
}
