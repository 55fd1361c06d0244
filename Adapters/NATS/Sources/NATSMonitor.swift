import Foundation
import MartletCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server's monitoring endpoint: what its settings promise about the disk.
struct NATSMonitor: Sendable {
    /// Maximum bytes of an answer.
    private static let limit = 4 << 20

    private struct Jetstream: Decodable {
        struct Config: Decodable {
            let always: Bool?
            let interval: Int64?

            enum CodingKeys: String, CodingKey {
                case always = "sync_always"
                case interval = "sync_interval"
            }
        }

        struct Cluster: Decodable {
            let size: Int

            enum CodingKeys: String, CodingKey { case size = "cluster_size" }
        }

        let config: Config?
        let disabled: Bool?
        let cluster: Cluster?

        enum CodingKeys: String, CodingKey {
            case config, disabled
            case cluster = "meta_cluster"
        }
    }

    /// As `http://127.0.0.1:8222`.
    let url: String

    /// - Returns: Of how many servers the cluster consists that the server belongs to.
    /// - Throws: `Fault` with `failedPrecondition` when the server acknowledges before it has written to the disk, or stores
    ///   nothing; `unavailable` when it cannot be asked.
    func requireDurable(within timeout: Duration) async throws -> Int {
        let body = try await get("/jsz?config=true", within: timeout)
        let jetstream: Jetstream
        do {
            jetstream = try JSONDecoder().decode(Jetstream.self, from: Data(body))
        } catch {
            throw Fault(.unavailable, .unavailable, "NATS: \(url) does not answer as a server's monitoring does")
        }
        guard jetstream.disabled != true, let config = jetstream.config else {
            throw Fault(.failedPrecondition, "nats.no_jetstream", "NATS: JetStream is off at \(url)")
        }
        guard config.always == true else {
            let interval = config.interval.map { "\($0 / 1_000_000_000) s" } ?? "unknown"
            throw Fault(
                .failedPrecondition,
                "nats.unsynced_writes",
                "NATS: the server at \(url) acknowledges events before they are on the disk (sync_interval: \(interval)); "
                    + "set jetstream.sync_interval to always, or accept unsynced writes"
            )
        }
        return jetstream.cluster?.size ?? 1
    }

    private func get(_ path: String, within timeout: Duration) async throws -> [UInt8] {
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host else {
            throw NATSFault.library("a monitoring endpoint is a URL as http://10.0.0.1:8222, not \(url)")
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let amount = TimeAmount.nanoseconds(timeout.nanosecondsClamped)
        let answer = group.next().makePromise(of: [UInt8].self)
        let late = group.next().scheduleTask(in: amount) { answer.fail(NATSFault.unsent("\(url) does not answer")) }
        let bootstrap = ClientBootstrap(group: group).connectTimeout(amount).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                try channel.pipeline.syncOperations.addHandler(Collector(answer, limit: Self.limit))
            }
        }
        do {
            let channel = try await bootstrap.connect(host: host, port: parts.port ?? 8222).get()
            defer { channel.close(promise: nil) }
            let headers: HTTPHeaders = ["host": host, "connection": "close"]
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            let body = try await answer.futureResult.get()
            late.cancel()
            return body
        } catch {
            late.cancel()
            answer.fail(error)
            throw error as? Fault ?? NATSFault.unsent("\(url) cannot be reached")
        }
    }

    /// Collects one answer.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let answer: EventLoopPromise<[UInt8]>
        private let limit: Int
        private var body: [UInt8] = []

        init(_ answer: EventLoopPromise<[UInt8]>, limit: Int) {
            self.answer = answer
            self.limit = limit
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                if head.status != .ok {
                    answer.fail(NATSFault.unsent("the monitoring endpoint answers \(head.status.code)"))
                }
            case .body(let part):
                body += part.readableBytesView
                if body.count > limit { answer.fail(NATSFault.unsent("the monitoring endpoint answers too much")) }
            case .end: answer.succeed(body)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { answer.fail(NATSFault.unanswered) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answer.fail(error)
            context.close(promise: nil)
        }
    }
}

extension NATSBus {
    /// Asks the servers' monitoring endpoints, once for each connection: a server may be restarted with other settings.
    ///
    /// - Throws: `Fault` with `failedPrecondition` when one acknowledges what is not on the disk, or is not listed.
    func requireDurable() async throws {
        let shared = link.shared
        guard !settings.acceptsUnsyncedWrites, !shared.state.withLock({ $0.isDurable }) else { return }
        var servers = 0
        for url in settings.monitoring {
            let size = try await NATSMonitor(url: url).requireDurable(within: limits.callTimeout)
            servers = max(servers, size)
        }
        guard servers <= settings.monitoring.count else {
            throw Fault(
                .failedPrecondition,
                "nats.unlisted_servers",
                "NATS: the cluster has \(servers) servers, and the settings name \(settings.monitoring.count) monitoring endpoints"
            )
        }
        shared.state.withLock { $0.isDurable = true }
    }
}
