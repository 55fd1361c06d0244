import Logging
import MartletCore
import MartletTesting
import NIOCore
import NIOPosix
import Testing

@testable import MartletREST

@Suite("A connection that its listener drops", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DroppedConnectionSocketTests {
    @Test("closes, and the process continues")
    func closes() async throws {
        let time = ManualTime()
        let connections = HTTP1Channel(
            limits: .standard,
            budget: ListenerBudget(ListenerLimits(descriptors: 1_024)),
            time: time,
            date: DateHeader(time),
            answer: { _, _, _ in }
        )
        // As a listener that stops: it accepts the connection, and handles it no more.
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                connections.setup(channel: channel, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                    .map { _ in }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(listener.localAddress)
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get()
        try await client.closeFuture.get()
        try await listener.close()
    }
}
