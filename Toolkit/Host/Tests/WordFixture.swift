import Logging
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletRPC
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import MartletWorkflows

@testable import MartletHost

/// A small service for tests: counts the words that it receives.
struct WordService: ServiceBlueprint {
    static let name = "words"
    static let migrations = [
        Migration("words", 1, ["CREATE TABLE words (word TEXT PRIMARY KEY, count BIGINT NOT NULL)"])
    ]
    static let topic = Topic<String>(
        "test.words",
        key: { $0 },
        encode: { Array($0.utf8) },
        decode: { String(decoding: $0, as: UTF8.self) },
        json: BodyJSON(
            text: { "\"\(String(decoding: $0, as: UTF8.self))\"" },
            bytes: { text in
                guard text.hasPrefix("\""), text.hasSuffix("\"") else { throw NotQuoted() }
                return Array(text.dropFirst().dropLast().utf8)
            }
        )
    )

    struct NotQuoted: Error {}

    let database: any SQLDatabase

    init(on platform: Platform) { database = platform.database }

    var subscriptions: [Subscription] {
        [
            .on(Self.topic, group: Self.name) { word, tx in
                if word == "bad" { throw Fault(.internal, .internal, "a bad word") }
                try tx.run(
                    """
                    INSERT INTO words (word, count) VALUES (\(word), 1)
                    ON CONFLICT (word) DO UPDATE SET count = words.count + 1
                    """
                )
            }
        ]
    }

    var workflows: [RegisteredWorkflow] { [RegisteredWorkflow(FailingWorkflow())] }

    /// Publishes `word` through the outbox.
    static func publish(_ word: String, on database: any SQLDatabase) async throws {
        let event = try OutgoingEvent(word, on: topic)
        try await database.transaction("publish") { tx in try tx.append(event) }
    }
}

/// A workflow that always fails.
struct FailingWorkflow: Workflow {
    struct Bug: Error {}

    static let name = "doomed"
    static let version = 1

    func run(_ input: String, _ context: WorkflowContext) async throws -> String { throw Bug() }
}

/// The word service in memory, with its dependencies.
struct WordFixture {
    let time = ManualTime()
    let entropy = SeededEntropy(seed: 1)
    let database: SQLiteDatabase
    let bus: InMemoryBus
    let runtime: ServiceRuntime

    init() async throws {
        let (time, entropy) = (time, entropy)
        let database = try SQLiteDatabase.inMemory(time: time)
        let bus = InMemoryBus(time: time)
        runtime = try await ServiceRuntime(
            WordService.self,
            on: Self.dependencies(database, bus: bus, runtime: Runtime(time: time, entropy: entropy))
        )
        self.database = database
        self.bus = bus
    }

    static func dependencies(
        _ database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime
    ) -> ServiceDependencies {
        ServiceDependencies(
            database: database,
            bus: bus,
            runtime: runtime,
            telemetry: Telemetry(service: WordService.name, level: .critical, time: runtime.time),
            connect: { _ in LocalChannel(to: LocalServices(), time: runtime.time) }
        )
    }

    /// Advances time until the service has counted `word`; false when the test is cancelled before, by its time limit.
    func counts(_ word: String) async -> Bool {
        while !Task.isCancelled {
            let rows = try? await database.read("count") { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT count FROM words WHERE word = \(word)")
            }
            if rows?.isEmpty == false { return true }
            time.advance(by: .milliseconds(5))
            await Task.yield()
        }
        return false
    }

    /// The operators' contract, called in this process.
    func operators() -> OperateClient {
        let services = LocalServices()
        services.add(runtime.operatorContracts)
        return OperateClient(over: LocalChannel(to: services, time: time))
    }

    static let operatorContext = CallContext(principal: Principal(user: "olga", scopes: ["operate"]))
}

extension RPCServerLimits {
    /// With timeouts that only a hang reaches.
    static var patient: RPCServerLimits {
        var limits = RPCServerLimits()
        limits.authenticationTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        limits.drain = HangLimit.wait
        return limits
    }
}

extension RPCClientLimits {
    /// With timeouts that only a hang reaches.
    static var patient: RPCClientLimits {
        var limits = RPCClientLimits()
        limits.connectTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        return limits
    }
}
