import HummingbirdCore
import Logging
import MartletCore
import NIOCore
import NIOHTTP1
import Synchronization

/// Hummingbird's HTTP/1 channel with a ``RequestGuardHandler`` in front of the codec and a ``ConnectionHandler`` behind it,
/// within the budget of the process.
struct HTTP1Channel: ServerChildChannel {
    /// A connection that was accepted.
    ///
    /// A listener that stops drops those that it has accepted and does not handle: they close.
    final class Value: ServerChildChannelValue {
        let connection: RESTConnection
        private let base: HummingbirdCore.HTTP1Channel.Value
        private let isHandled = Atomic(false)

        var channel: any Channel { base.channel }

        init(base: HummingbirdCore.HTTP1Channel.Value, connection: RESTConnection) {
            self.base = base
            self.connection = connection
        }

        deinit {
            guard !isHandled.load(ordering: .relaxed) else { return }
            // NIO ends a process that drops a writer which is not finished. It fails for a connection that is closed.
            _ = channel.eventLoop.makeFutureWithTask { [base] in try await base.executeThenClose { _, _ in } }
        }

        /// The connection for who handles it; it must be called once.
        func handled() -> HummingbirdCore.HTTP1Channel.Value {
            isHandled.store(true, ordering: .relaxed)
            return base
        }
    }

    let limits: ConnectionLimits
    let budget: ListenerBudget
    /// The clock by which a connection is idle.
    let time: any TimeSource
    let date: DateHeader
    /// Answers a request; the requests of one connection are answered one after another.
    let answer: @Sendable (Request, RESTConnection, consuming ResponseWriter) async throws -> Void

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let peer = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
        guard let share = budget.open(from: peer, time: time, close: { Self.makeSpace(channel) }) else {
            // The listener does not close a connection whose setup fails.
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(
                Fault(.resourceExhausted, .overloaded, "too many connections")
            )
        }
        channel.closeFuture.whenComplete { _ in share.closed() }
        let connection = RESTConnection(share, peer: peer)
        let (limits, time, date) = (limits, time, date)
        return base(connection).setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let codec = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let input = RequestGuardHandler(limits)
            let handler = ConnectionHandler(limits, connection: connection, input: input, time: time, date: date)
            try pipeline.addHandler(input, position: .first)
            try pipeline.addHandler(handler, position: .after(codec))
            let sending = SendingHandler(limits, connection: connection, input: input, time: time)
            try pipeline.addHandler(sending, position: .first)
            Self.bound(channel, limits)
            return Value(base: value, connection: connection)
        }
    }

    /// How many bytes the system takes while it cannot send them; NIO has no name for it.
    private static var notSentOption: ChannelOptions.Types.SocketOption {
        #if canImport(Darwin)
            .init(level: .tcp, name: NIOBSDSocket.Option(rawValue: 0x201))
        #else
            .init(level: .tcp, name: NIOBSDSocket.Option(rawValue: 25))
        #endif
    }

    /// Closes a connection for another one.
    private static func makeSpace(_ channel: any Channel) {
        channel.eventLoop.execute {
            let pipeline = channel.pipeline.syncOperations
            do {
                let handler = try pipeline.handler(type: SendingHandler.self)
                handler.makeSpace(try pipeline.context(handler: handler))
            } catch {
                // It has no handler yet, or any more.
                channel.close(promise: nil)
            }
        }
    }

    /// Bounds what a connection may hold besides its account.
    private static func bound(_ channel: any Channel, _ limits: ConnectionLimits) {
        guard let options = channel.syncOptions else { return }
        let watermark = ChannelOptions.Types.WriteBufferWaterMark(
            low: limits.unsentBytesHigh / 2,
            high: limits.unsentBytesHigh
        )
        let reading = AdaptiveRecvByteBufferAllocator(
            minimum: 1 << 10,
            initial: 2 << 10,
            maximum: limits.readBytesMax
        )
        // They fail only for a connection that is closed.
        try? options.setOption(.socketOption(.so_sndbuf), value: limits.socketBytes)
        try? options.setOption(.socketOption(.so_rcvbuf), value: limits.socketBytes)
        try? options.setOption(notSentOption, value: SocketOptionValue(limits.notSentBytes))
        try? options.setOption(.writeBufferWaterMark, value: watermark)
        try? options.setOption(.recvAllocator, value: reading)
        try? options.setOption(.maxMessagesPerRead, value: 1)
    }

    func handle(value: Value, logger: Logger) async {
        await base(value.connection).handle(value: value.handled(), logger: logger)
    }

    private func base(_ connection: RESTConnection) -> HummingbirdCore.HTTP1Channel {
        let answer = answer
        return HummingbirdCore.HTTP1Channel(
            responder: { (request, writer: consuming ResponseWriter, _) in
                try await answer(request, connection, writer)
            },
            configuration: HummingbirdCore.HTTP1Channel.Configuration(
                idleTimeout: .nanoseconds(limits.idle.nanosecondsClamped),
                httpDecoderConfiguration: HummingbirdCore.HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: limits.requests.headBytesMax,
                    maxHeaderListSize: limits.requests.headBytesMax,
                    maxHeaderFieldCount: limits.requests.fieldsMax
                )
            )
        )
    }
}
