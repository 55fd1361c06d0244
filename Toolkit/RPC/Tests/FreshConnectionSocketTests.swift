import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@Suite("New client connection", .timeLimit(.minutes(HangLimit.testMinutes)))
struct FreshConnectionSocketTests {
    @Test("the first call succeeds, however early the server sends its first bytes")
    func fresh() async throws {
        let answers = try await RPCFixture.with { fixture in
            var answers = 0
            for round in 0..<100 {
                let connection = RPCFixture.connect(to: fixture.port)
                let context = CallContext(deadline: SystemTime().now + HangLimit.wait)
                let answer: Text = try await connection.unary(TextMethods.echo, Text("\(round)"), context: context)
                if answer.value == "\(round)" { answers += 1 }
                await connection.close()
            }
            return answers
        }
        #expect(answers == 100)
    }

    @Test("the first call fails immediately when the server violates HTTP/2")
    func protocolViolation() async throws {
        // A SETTINGS acknowledgement before any SETTINGS.
        let bytes: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(BytesSender(bytes: bytes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let connection = RPCFixture.connect(to: listener.localAddress?.port ?? 0)
        await #expect(throws: Fault.self) {
            let _: Text = try await connection.unary(TextMethods.echo, Text("lost"), context: CallContext())
        }
        await connection.close()
        try await listener.close().get()
    }

    /// Sends its bytes to each client, and reads nothing.
    private final class BytesSender: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let bytes: [UInt8]

        init(bytes: [UInt8]) { self.bytes = bytes }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }
}
