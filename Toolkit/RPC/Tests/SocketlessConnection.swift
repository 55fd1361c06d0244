import MartletCore
import NIOCore
import NIOEmbedded

@testable import MartletRPC

/// A connection to the server without a socket, on time that the test moves.
struct SocketlessConnection {
    let channel = EmbeddedChannel()
    private let server = Bench.server(Texts(), 0, RPCServerLimits())

    init() throws {
        try server.accept(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func drain() throws { try channel.pipeline.syncOperations.handler(type: ServerConnectionHandler.self).drain() }

    /// What the server answers to these bytes.
    func say(_ bytes: [UInt8]) throws -> [WireFrame] {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        return try heard()
    }

    /// One interval passes, and the client shows that it lives.
    func intervalOver() throws -> [WireFrame] {
        channel.embeddedEventLoop.advanceTime(by: TimeAmount(RPCServerLimits().keepAlive))
        let frames = try heard()
        return try frames + say(Wire.frame(6, 1, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8]))
    }

    func heard() throws -> [WireFrame] {
        channel.embeddedEventLoop.run()
        var bytes = ByteBuffer()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeImmutableBuffer(part) }
        var frames: [WireFrame] = []
        while let frame = WireFrame.take(&bytes) { frames.append(frame) }
        return frames
    }
}
