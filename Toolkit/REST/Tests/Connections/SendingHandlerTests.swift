import MartletCore
import MartletTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletREST

@Suite("Handler that sends responses")
struct SendingHandlerTests {
    /// Counts the reads that reach the socket.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = IOData

        private(set) var reads = 0

        func read(context: ChannelHandlerContext) {
            reads += 1
            context.read()
        }
    }

    private let time = ManualTime()
    private let budget: ListenerBudget
    private let connection: RESTConnection
    private let channel = EmbeddedChannel()
    private let socket = Socket()
    private let input: RequestGuardHandler
    private let handler: SendingHandler

    init() throws {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        limits.connection = ByteAccount.Limits(bytesMax: 10, untrustedBytesMax: 10, freeBytes: 0)
        budget = ListenerBudget(limits)
        let share = budget.open(from: nil, time: time) {}
        connection = RESTConnection(try #require(share), peer: nil)
        input = RequestGuardHandler(.standard)
        handler = SendingHandler(.standard, connection: connection, input: input, time: time)
        try channel.pipeline.syncOperations.addHandler(socket)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ bytes: Int) throws {
        try channel.writeInbound(ByteBuffer(repeating: 120, count: bytes))
    }

    /// Writes the end of the response to the request that is handled.
    private func respond() throws {
        connection.requestEnded(at: Moment(nanoseconds: 1))
        try channel.writeOutbound(IOData.byteBuffer(ByteBuffer(string: "yes")))
    }

    @Test("reads nothing while a whole request is handled")
    func reading() throws {
        channel.pipeline.read()
        let before = socket.reads
        connection.requestArrived()
        channel.pipeline.read()
        channel.pipeline.read()
        #expect(socket.reads == before)
        try respond()
        #expect(socket.reads == before + 1)
    }

    @Test("reads nothing while responses wait for the client")
    func waiting() throws {
        let before = socket.reads
        channel.isWritable = false
        channel.pipeline.read()
        #expect(socket.reads == before)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(socket.reads == before + 1)
    }

    @Test("a connection whose response waits for the client gives way, also while the request is handled")
    func blocked() throws {
        connection.requestArrived()
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        time.advance(by: budget.limits.stallTime)
        let early = budget.open(from: nil, time: time) {}
        #expect(early?.isReserved == true)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        time.advance(by: budget.limits.stallTime)
        let late = budget.open(from: nil, time: time) {}
        #expect(late?.isReserved == false)
        #expect(connection.gaveWay)
    }

    @Test("what arrives while a request is handled is reserved until none is; without space the connection closes")
    func queue() throws {
        try receive(100)
        #expect(budget.bytes.held == 0)
        connection.requestArrived()
        try receive(10)
        #expect(budget.bytes.held == 10)
        try respond()
        #expect(budget.bytes.held == 0)
        connection.requestArrived()
        try receive(10)
        try receive(1)
        #expect(!channel.isActive)
    }

    @Test("what waits behind a request stays reserved until it is handed on")
    func holds() throws {
        try channel.pipeline.syncOperations.addHandler(input)
        connection.requestArrived()
        input.pause()
        try receive(10)
        try respond()
        #expect(budget.bytes.held == 10)
        input.resume()
        channel.embeddedEventLoop.run()
        connection.requestArrived()
        try respond()
        #expect(budget.bytes.held == 0)
    }

    @Test("closes for another connection at once, or after the response to the request that is handled")
    func makesSpace() throws {
        connection.requestArrived()
        handler.makeSpace(try channel.pipeline.syncOperations.context(handler: handler))
        #expect(channel.isActive)
        try respond()
        #expect(try channel.readOutbound(as: IOData.self) == .byteBuffer(ByteBuffer(string: "yes")))
        #expect(!channel.isActive)
    }

    @Test("closes for another connection at once when no request is handled")
    func makesSpaceAtOnce() throws {
        handler.makeSpace(try channel.pipeline.syncOperations.context(handler: handler))
        #expect(!channel.isActive)
    }
}
