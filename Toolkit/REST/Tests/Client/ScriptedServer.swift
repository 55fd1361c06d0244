import NIOCore
import NIOPosix
import Synchronization

/// A server that sends prepared bytes for each request without a body.
final class ScriptedServer: Sendable {
    struct Answer: Sendable {
        let text: String
        let closes: Bool
        /// Between the request and the answer.
        var delay = Duration.zero

        static func ok(_ body: String) -> Answer {
            Answer(text: "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)", closes: false)
        }
    }

    /// The requests that have arrived, as text.
    let requests: AsyncStream<String>
    private let arrived: AsyncStream<String>.Continuation
    private let accepted = Mutex(0)
    private let asked = Mutex(0)
    /// `nil`: no response.
    private let answer: @Sendable (String) -> Answer?

    /// Connections that were accepted so far.
    var connections: Int { accepted.withLock { $0 } }

    /// Requests that have arrived so far.
    var received: Int { asked.withLock { $0 } }

    init(_ answer: @escaping @Sendable (String) -> Answer?) {
        (requests, arrived) = AsyncStream.makeStream()
        self.answer = answer
    }

    /// Listens while `body` runs with its port.
    @discardableResult
    func run<R>(_ body: (Int) async throws -> R) async throws -> R {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    self.accepted.withLock { $0 += 1 }
                    try channel.pipeline.syncOperations.addHandler(ScriptedHandler { self.respond(to: $0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        do {
            let result = try await body(channel.localAddress?.port ?? 0)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    private func respond(to request: String) -> Answer? {
        asked.withLock { $0 += 1 }
        arrived.yield(request)
        return answer(request)
    }
}

/// Answers each head that has arrived.
private final class ScriptedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let respond: (String) -> ScriptedServer.Answer?
    private var received = ""

    init(_ respond: @escaping (String) -> ScriptedServer.Answer?) { self.respond = respond }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard received.hasSuffix("\r\n\r\n") else { return }
        let answer = respond(received)
        received = ""
        guard let answer else { return }
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: TimeAmount(answer.delay)) {
            channel.writeAndFlush(ByteBuffer(string: answer.text), promise: nil)
            if answer.closes { channel.close(promise: nil) }
        }
    }
}
