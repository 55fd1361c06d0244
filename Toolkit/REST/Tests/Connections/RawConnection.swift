import MartletCore
import MartletTesting
import NIOCore
import NIOPosix

/// A client's connection to a server of this machine, without a protocol.
enum RawConnection {
    /// Sends `pieces` to `port` and returns everything that is received until the server closes.
    static func exchange(_ pieces: [String], with port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.nanoseconds(HangLimit.wait.nanosecondsClamped))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            for piece in pieces { try await outbound.write(ByteBuffer(string: piece)) }
            var answer = ByteBuffer()
            for try await var bytes in inbound { answer.writeBuffer(&bytes) }
            return String(buffer: answer)
        }
    }
}
