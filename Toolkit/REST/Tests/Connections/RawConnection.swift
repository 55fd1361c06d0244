import MartletCore
import MartletTesting
import NIOCore
import NIOPosix

/// A client's connection to a server of this machine, without a protocol.
enum RawConnection {
    /// Sends `pieces` to `port` and returns everything that is received until the server closes.
    static func exchange(_ pieces: [String], with port: Int) async throws -> String {
        try await connected(to: port) { inbound, outbound in
            for piece in pieces { try await outbound.write(ByteBuffer(string: piece)) }
            var answer = ByteBuffer()
            for try await var bytes in inbound { answer.writeBuffer(&bytes) }
            return String(buffer: answer)
        }
    }

    /// Sends `request` to `port`, runs `body` when an answer with this end has arrived, and returns everything that is
    /// received until the server closes.
    static func idle(
        after request: String,
        answer end: String,
        with port: Int,
        _ body: () async throws -> Void
    ) async throws -> String {
        try await connected(to: port) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var (answer, isAnswered) = ("", false)
            for try await bytes in inbound {
                answer += String(buffer: bytes)
                guard !isAnswered, answer.hasSuffix(end) else { continue }
                isAnswered = true
                try await body()
            }
            return answer
        }
    }

    private static func connected<R>(
        to port: Int,
        _ body: (
            NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) async throws -> R
    ) async throws -> R {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.nanoseconds(HangLimit.wait.nanosecondsClamped))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in try await body(inbound, outbound) }
    }
}
