import Foundation
import Logging
import MartletContract
import MartletCore
import MartletDaemon
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Testing

@testable import Shop

/// Each failure names what is missing in a list, and what does not belong there.
@Suite("martlet.json, the shop's topology")
struct ShopTopologyTests {
    /// The parts of `martlet.json` that other sources state, too.
    private struct Topology: Decodable {
        struct Process: Decodable {
            let program: String
            let services: [String]
            let consumes: [String]?
        }
        struct Topic: Decodable {
            let name: String
            let publisher: String
        }
        struct Role: Decodable {
            let name: String
            let scopes: [String]
        }
        struct Scope: Decodable { let name: String }

        let processes: [Process]
        let topics: [Topic]
        let roles: [Role]
        let scopes: [Scope]
    }

    static let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
        url.deletingLastPathComponent()
    }
    /// Services that belong to every system: they have no contract in `Contracts/proto/shop`.
    private static let ofEverySystem = ["eventlog", "gateway"]

    private let topology: Topology

    init() throws {
        let file = try Data(contentsOf: Self.root.appendingPathComponent("martlet.json"))
        topology = try JSONDecoder().decode(Topology.self, from: file)
    }

    @Test("every contract has a blueprint in ShopServices")
    func blueprints() {
        let blueprints = ShopServices.all.map { $0.name }
        #expect(difference(ShopContracts.services, blueprints) == [])
    }

    @Test("every service has a process")
    func processes() {
        let listed = topology.processes.flatMap(\.services)
        #expect(difference(ShopContracts.services + Self.ofEverySystem, listed) == [])
        #expect(Set(topology.processes.map(\.program)).count == topology.processes.count)
    }

    @Test("every process lists the topics that its services subscribe to")
    func subscriptions() async throws {
        let runtimes = try await runtimes()
        let subscribed = runtimes.flatMap { runtime in runtime.subscriptions.map { "\(runtime.name) \($0.topic)" } }
        let listed = topology.processes.flatMap { process in
            process.services.flatMap { service in (process.consumes ?? []).map { "\(service) \($0)" } }
        }
        #expect(difference(subscribed, listed) == [])
        // Operators and fault injection find a topic's consumers by it.
        #expect(
            runtimes.flatMap { runtime in runtime.subscriptions.map { $0.group == runtime.name } }.allSatisfy { $0 }
        )
    }

    @Test("the policy of the event log: every subscription names its source, and is admitted")
    func admitted() async throws {
        let policy = try BusPolicy(topologyAt: Self.root.appendingPathComponent("martlet.json").path)
        for runtime in try await runtimes() {
            for subscription in runtime.subscriptions {
                let source = try #require(subscription.source)
                #expect(policy.owner(of: subscription.topic) == ExactText(source))
                #expect(policy.denial(ofReading: subscription.topic, by: ExactText(runtime.name)) == nil)
            }
        }
    }

    @Test("the policy of the event log: of all pairs of services and topics, the owners publish and the edges read")
    func pairs() throws {
        let policy = try BusPolicy(topologyAt: Self.root.appendingPathComponent("martlet.json").path)
        var published: [String] = []
        var read: [String] = []
        for topic in ShopContracts.topics.map({ name($0) }) {
            for service in ShopContracts.services {
                let pair = "\(service) \(topic)"
                let event = event(of: service, on: topic)
                if policy.denial(ofPublishing: event, by: ExactText(service)) == nil { published.append(pair) }
                if policy.denial(ofReading: topic, by: ExactText(service)) == nil { read.append(pair) }
            }
        }
        let owned = topology.topics.map { "\($0.publisher) \($0.name)" }
        #expect(difference(published, owned) == [])
        let others = [
            "carts shop.catalog.v1.products", "carts shop.orders.v1.orders", "inventory shop.orders.v1.orders",
            "orders shop.carts.v1.carts", "orders shop.catalog.v1.products", "orders shop.inventory.v1.movements",
            "orders shop.payments.v1.payments",
        ]
        #expect(difference(read, owned + others) == [])
    }

    private func event(of service: String, on topic: String) -> Envelope {
        Envelope(
            id: "1",
            source: service,
            epoch: 1,
            topic: topic,
            key: "k",
            sequence: 1,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: []
        )
    }

    private func runtimes() async throws -> [ServiceRuntime] {
        let time = ManualTime()
        return try await ShopProgram.services(
            policy: BusPolicy(topologyAt: Self.root.appendingPathComponent("martlet.json").path),
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { _ in try SQLiteDatabase.inMemory(time: time) }
        )
    }

    @Test("every topic of the contracts is listed")
    func topics() {
        #expect(difference(ShopContracts.topics.map { name($0) }, topology.topics.map(\.name)) == [])
        #expect(topology.topics.allSatisfy { ShopContracts.services.contains($0.publisher) })
    }

    @Test("a role has only scopes that a contract requires")
    func roles() {
        let known = Set(topology.scopes.map(\.name) + OperateMethods.all.compactMap(\.access.scope))
        for role in topology.roles { #expect(role.scopes.filter { !known.contains($0) } == [], "\(role.name)") }
    }

    @Test("the operators' guide names every process, database and topic")
    func guide() throws {
        let path = Self.root.appendingPathComponent("Docs/Guides/Operating.md")
        let guide = try String(contentsOf: path, encoding: .utf8)
        let named =
            topology.processes.map(\.program) + topology.topics.map(\.name)
            + topology.processes.flatMap(\.services).filter { $0 != "gateway" }
        #expect(named.filter { !guide.contains("`\($0)`") } == [])
    }

    /// What is in only one of the two lists, or twice in one.
    private func difference(_ left: [String], _ right: [String]) -> [String] {
        var rest = right
        var missing: [String] = []
        for name in left {
            if let index = rest.firstIndex(of: name) { rest.remove(at: index) } else { missing.append(name) }
        }
        return (missing + rest).sorted()
    }

    private func name(_ topic: some EventTopic) -> String { topic.typed.name }
}
