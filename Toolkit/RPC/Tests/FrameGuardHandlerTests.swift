import MartletCore
import MartletTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletRPC

@Suite("Frame guard in its pipeline")
struct FrameGuardHandlerTests {
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = IOData

        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    private let channel = EmbeddedChannel()
    private let reads = Reads()

    /// - Returns: What the guard refused, in a box.
    private func install(pausesReads: Bool) throws -> NIOLoopBoundBox<[FrameGuard.Refusal]> {
        let refused = NIOLoopBoundBox<[FrameGuard.Refusal]>([], eventLoop: channel.eventLoop)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(reads)
        try pipeline.addHandler(
            FrameGuardHandler(
                FrameGuard(.client, limits: FrameGuardTests.limits),
                time: ManualTime(),
                pausesReads: pausesReads,
                onRefusal: { refused.value.append($0) }
            )
        )
        return refused
    }

    @Test("does not read from a client that does not read, until it does")
    func pauses() throws {
        _ = try install(pausesReads: true)
        channel.isWritable = false
        channel.pipeline.read()
        #expect(reads.count == 0)
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(reads.count == 0)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(reads.count == 1)
    }

    @Test("always reads from a server: if both peers stopped, neither would continue")
    func continues() throws {
        _ = try install(pausesReads: false)
        channel.isWritable = false
        channel.pipeline.read()
        #expect(reads.count == 1)
    }

    @Test("forwards what precedes a refused frame, and reports the refusal once")
    func refuses() throws {
        let refused = try install(pausesReads: true)
        let call = Wire.call(1)
        let long = Wire.frame(7, flags: 0, stream: 0, payload: Array(repeating: 0, count: 101))
        try channel.writeInbound(ByteBuffer(bytes: call + long + long))
        try channel.writeInbound(ByteBuffer(bytes: call))
        let first = try channel.readInbound(as: ByteBuffer.self)
        let second = try channel.readInbound(as: ByteBuffer.self)
        #expect(first.map { Array($0.readableBytesView) } == call)
        #expect(second == nil)
        #expect(refused.value == [.controlFrameTooLong])
    }
}
