import MartletContract
import MartletCore
import MartletRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import SwiftProtobuf
import Testing

@Suite("A call that its peer's goodbye leaves out", .timeLimit(.minutes(2)))
struct GoodbyeTests {
    @Test("is sent again on a new connection when the peer left in order")
    func orderly() async throws {
        let answer = try await Leaver.with(.noError) { connection in
            let answer: Text = try await connection.unary(TextMethods.echo, Text("again"), CallContext())
            return answer.value
        }
        #expect(answer == "again")
    }

    @Test("has an unknown outcome when the peer left in anger: it may have begun the call")
    func angry() async throws {
        let fault = try await Leaver.with(.enhanceYourCalm) { connection in
            do {
                let _: Text = try await connection.unary(TextMethods.echo, Text("again"), CallContext())
                return Fault?.none
            } catch {
                return Fault(describing: error)
            }
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.isNotProcessed == false)
    }
}

/// A server that says goodbye to the first connection as soon as it has seen a call, and echoes on all others.
private enum Leaver {
    static func with<R>(_ code: HTTP2ErrorCode, _ body: (RPCConnection) async throws -> R) async throws -> R {
        let connections = Countdown(100)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let leaves = connections.tick() == 0
                return channel.configureHTTP2Pipeline(mode: .server) { stream in
                    stream.eventLoop.makeCompletedFuture {
                        try stream.pipeline.syncOperations.addHandler(leaves ? Echo(leavingWith: code) : Echo())
                    }
                }.map { _ in }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let connection = Bench.connect(listener.localAddress?.port ?? 0)
        let result = try await body(connection)
        await connection.close()
        try await listener.close().get()
        return result
    }

    final class Echo: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias OutboundOut = HTTP2Frame.FramePayload

        private let code: HTTP2ErrorCode?

        init(leavingWith code: HTTP2ErrorCode? = nil) { self.code = code }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .data(let frame) = unwrapInboundIn(data), frame.endStream else { return }
            if let code {
                let goodbye = HTTP2Frame.FramePayload.goAway(
                    lastStreamID: .rootStream,
                    errorCode: code,
                    opaqueData: nil
                )
                context.channel.parent?.writeAndFlush(
                    HTTP2Frame(streamID: .rootStream, payload: goodbye),
                    promise: nil
                )
                return
            }
            let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
            context.write(wrapOutboundOut(.headers(.init(headers: head))), promise: nil)
            context.write(wrapOutboundOut(.data(.init(data: frame.data))), promise: nil)
            context.writeAndFlush(
                wrapOutboundOut(.headers(.init(headers: ["grpc-status": "0"], endStream: true))),
                promise: nil
            )
        }
    }
}
