import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import SwiftProtobuf
import Testing

@Suite("Calls above GOAWAY's last stream id", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GoAwaySocketTests {
    @Test("GOAWAY without an error: the call is sent again on a new connection")
    func graceful() async throws {
        let answer = try await GoAwayServer.with(.noError) { connection in
            let answer: Text = try await connection.unary(TextMethods.echo, Text("again"), context: CallContext())
            return answer.value
        }
        #expect(answer == "again")
    }

    @Test("GOAWAY with an error: the call has an unknown outcome")
    func withError() async throws {
        let fault = try await GoAwayServer.with(.enhanceYourCalm) { connection in
            do {
                let _: Text = try await connection.unary(TextMethods.echo, Text("again"), context: CallContext())
                return Fault?.none
            } catch {
                return Fault(describing: error)
            }
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.isNotProcessed == false)
    }
}

/// A server that sends GOAWAY on the first connection as soon as it has received a call, and echoes on all others.
private enum GoAwayServer {
    static func with<R>(_ code: HTTP2ErrorCode, _ body: (RPCConnection) async throws -> R) async throws -> R {
        let connections = BoundedCounter(100)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let isFirst = connections.next() == 0
                return channel.configureHTTP2Pipeline(mode: .server) { stream in
                    stream.eventLoop.makeCompletedFuture {
                        try stream.pipeline.syncOperations.addHandler(isFirst ? Echo(goAway: code) : Echo())
                    }
                }.map { _ in }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let connection = RPCFixture.connect(to: listener.localAddress?.port ?? 0)
        let result = try await body(connection)
        await connection.close()
        try await listener.close().get()
        return result
    }

    final class Echo: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias OutboundOut = HTTP2Frame.FramePayload

        private let code: HTTP2ErrorCode?

        init(goAway code: HTTP2ErrorCode? = nil) { self.code = code }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .data(let frame) = unwrapInboundIn(data), frame.endStream else { return }
            if let code {
                let goAway = HTTP2Frame.FramePayload.goAway(
                    lastStreamID: .rootStream,
                    errorCode: code,
                    opaqueData: nil
                )
                context.channel.parent?.writeAndFlush(
                    HTTP2Frame(streamID: .rootStream, payload: goAway),
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
