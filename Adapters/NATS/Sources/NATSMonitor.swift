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

        let server: String
        let config: Config?
        let disabled: Bool?
        let cluster: Cluster?

        enum CodingKeys: String, CodingKey {
            case config, disabled
            case server = "server_id"
            case cluster = "meta_cluster"
        }
    }

    /// What a server states of itself.
    struct Answer: Sendable {
        /// Of this start of it.
        let id: String
        /// Of how many servers the cluster consists that it belongs to.
        let clusterSize: Int
    }

    /// As `http://127.0.0.1:8222`.
    let url: String

    /// - Throws: `Fault` with `failedPrecondition` when the server acknowledges before it has written to the disk, or stores
    ///   nothing; `unavailable` when it cannot be asked.
    func requireDurable(within timeout: Duration) async throws -> Answer {
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
        return Answer(id: jetstream.server, clusterSize: jetstream.cluster?.size ?? 1)
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
    /// A server that is away stores nothing: it is enough that more than half of them answer. ``run()`` asks the others
    /// later.
    ///
    /// - Throws: `Fault` with `failedPrecondition` when one acknowledges what is not on the disk, or is not listed;
    ///   `unavailable` when too few can be asked.
    func requireDurable() async throws {
        let shared = link.shared
        guard !settings.acceptsUnsyncedWrites, shared.state.withLock({ $0.durability == .unknown }) else { return }
        try await readDurability(for: shared)
    }

    /// Asks those again that were away, so that none returns with other settings unnoticed.
    func readDurabilityAgain() async throws {
        while true {
            try await time.sleep(for: limits.callTimeout)
            let shared = link.shared
            guard shared.state.withLock({ $0.durability == .most }) else { continue }
            do {
                try await readDurability(for: shared)
            } catch {
                // The next publication gets the error.
                shared.state.withLock { $0.durability = .unknown }
            }
        }
    }

    private func readDurability(for shared: NATSLink.Shared) async throws {
        let connects = shared.state.withLock { $0.connects }
        let answers = await answers(of: settings.monitoring)
        var servers = 0
        var answered: Set<String> = []
        var away: [Fault] = []
        for answer in answers {
            switch answer {
            case .success(let answer):
                servers = max(servers, answer.clusterSize)
                answered.insert(answer.id)
            case .failure(let fault) where fault.code == .unavailable: away.append(fault)
            case .failure(let fault): throw fault
            }
        }
        if let fault = away.first, away.count * 2 >= answers.count { throw fault }
        // Two addresses of one server are one server.
        let listed = answered.count + away.count
        guard servers <= listed else {
            throw Fault(
                .failedPrecondition,
                "nats.unlisted_servers",
                "NATS: the cluster has \(servers) servers, and the settings name the monitoring endpoints of \(listed)"
            )
        }
        let isCurrent = shared.state.withLock { state in
            guard state.connects == connects else { return false }
            state.durability = away.isEmpty ? .all : .most
            return true
        }
        // A server that was started again meanwhile may have answered before its end.
        guard isCurrent else { throw NATSFault.unsent("the connection was replaced") }
    }

    /// The answers of all, in any order.
    private func answers(of urls: [String]) async -> [Result<NATSMonitor.Answer, Fault>] {
        await withTaskGroup(of: Result<NATSMonitor.Answer, Fault>.self) { [limits] group in
            for url in urls {
                group.addTask {
                    do {
                        return .success(try await NATSMonitor(url: url).requireDurable(within: limits.callTimeout))
                    } catch {
                        return .failure(Fault(describing: error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
