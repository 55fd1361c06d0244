import NIOCore
import NIOEmbedded
import Testing

@testable import MartletRPC

@Suite("Reads of a connection")
struct ReadOncePerTurnTests {
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = IOData

        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    @Test("many streams ask once for each read, and the channel asks again after it")
    func once() throws {
        let channel = EmbeddedChannel()
        let reads = Reads()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(reads)
        try pipeline.addHandler(ReadOncePerTurn())
        for _ in 1...3 { channel.pipeline.read() }
        #expect(reads.count == 1)
        // A stream that asks while bytes arrive has its answer in the channel's own request.
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: [1]))
        channel.pipeline.read()
        #expect(reads.count == 1)
        channel.pipeline.fireChannelReadComplete()
        for _ in 1...3 { channel.pipeline.read() }
        #expect(reads.count == 2)
    }
}
