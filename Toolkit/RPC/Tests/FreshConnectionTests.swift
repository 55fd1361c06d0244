import MartletContract
import MartletCore
import MartletRPC
import NIOCore
import NIOPosix
import Testing

@Suite("A client on a fresh connection", .timeLimit(.minutes(2)))
struct FreshConnectionTests {
    @Test("gets its answer, however early the server speaks")
    func fresh() async throws {
        let answers = try await Bench.with { bench in
            var answers = 0
            for round in 0..<100 {
                let connection = Bench.connect(bench.port)
                let context = CallContext(deadline: SystemTime().now + .seconds(60))
                let answer: Text = try await connection.unary(TextMethods.echo, Text("\(round)"), context)
                if answer.value == "\(round)" { answers += 1 }
                await connection.close()
            }
            return answers
        }
        #expect(answers == 100)
    }

    @Test("is told at once when its peer breaks the rules of HTTP/2")
    func brokenPeer() async throws {
        // An acknowledgement of settings before any settings.
        let hello: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Speaker(bytes: hello))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let connection = Bench.connect(listener.localAddress?.port ?? 0)
        await #expect(throws: Fault.self) {
            let _: Text = try await connection.unary(TextMethods.echo, Text("lost"), CallContext())
        }
        await connection.close()
        try await listener.close().get()
    }

    /// Says its piece to whoever connects, and reads nothing.
    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let bytes: [UInt8]

        init(bytes: [UInt8]) { self.bytes = bytes }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }
}
