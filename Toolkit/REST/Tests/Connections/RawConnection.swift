import MartletCore
import MartletTesting
import NIOCore
import NIOPosix

/// A client's connection to a server of this machine, without a protocol.
enum RawConnection {
    /// Sends `pieces` to `port` and returns everything that is received until the server closes.
    ///
    /// - Parameter source: The address of the client.
    static func exchange(
        _ pieces: [String],
        with port: Int,
        from source: String = "127.0.0.1"
    ) async throws -> String {
        try await connected(to: port, from: source) { inbound, outbound in
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

    /// Sends `first` to `port`, runs `body`, sends `second` and closes this direction; returns everything that is received
    /// until the server closes.
    static func exchange(
        _ first: String,
        then second: String,
        with port: Int,
        _ body: () async throws -> Void
    ) async throws -> String {
        try await connected(to: port) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: first))
            try await body()
            try await outbound.write(ByteBuffer(string: second))
            outbound.finish()
            var answer = ByteBuffer()
            do {
                for try await var bytes in inbound { answer.writeBuffer(&bytes) }
            } catch is IOError {
                // The server has cut it off.
            }
            return String(buffer: answer)
        }
    }

    /// Sends `request` to `port`, and runs `body` while at most a few of its answer's bytes are taken; then returns how
    /// many bytes are received until the server closes.
    ///
    /// - Parameters:
    ///   - halfCloses: Whether the client closes its direction after the request.
    ///   - source: The address of the client.
    static func reluctant(
        _ request: String,
        halfCloses: Bool = false,
        with port: Int,
        from source: String = "127.0.0.1",
        _ body: () async throws -> Void
    ) async throws -> Int {
        try await connected(to: port, from: source, receiveBytes: 16 << 10) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            if halfCloses { outbound.finish() }
            try await body()
            var received = 0
            do {
                for try await bytes in inbound { received += bytes.readableBytes }
            } catch is IOError {
                // The server has cut it off.
            }
            return received
        }
    }

    private static func connected<R>(
        to port: Int,
        from source: String = "127.0.0.1",
        receiveBytes: Int? = nil,
        _ body: (
            NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) async throws -> R
    ) async throws -> R {
        var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.nanoseconds(HangLimit.wait.nanosecondsClamped))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .bind(to: try SocketAddress(ipAddress: source, port: 0))
        if let receiveBytes { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBytes) }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)
                )
            }
        }
        return try await channel.executeThenClose { inbound, outbound in try await body(inbound, outbound) }
    }
}
