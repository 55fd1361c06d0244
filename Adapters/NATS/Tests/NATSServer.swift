import Foundation
import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization

@testable import MartletNATS

/// A `nats-server` of a test, with streams in a temporary folder.
final class NATSServer: Sendable {
    let process: ServerProcess
    let folder: ServerFolder
    let port: Int
    let monitoringPort: Int

    /// - Parameters:
    ///   - syncs: Whether it writes to the disk before it acknowledges.
    ///   - settings: Further lines of its configuration.
    init(name: String = "nats", in folder: ServerFolder? = nil, syncs: Bool = true, settings: String = "") throws {
        let folder = try folder ?? ServerFolder()
        self.folder = folder
        port = try FreePort.any()
        monitoringPort = try FreePort.any()
        try folder.write(
            """
            server_name: \(name)
            listen: 127.0.0.1:\(port)
            http: 127.0.0.1:\(monitoringPort)
            jetstream { store_dir: "\(folder.file(name))", max_file_store: 1GB\(syncs ? ", sync_interval: always" : "") }
            \(settings)
            """,
            to: "\(name).conf"
        )
        process = ServerProcess(try Self.program(), ["-c", folder.file("\(name).conf")], in: folder, name: name)
    }

    private static func program() throws -> String {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        let found = folders.map { "\($0)/nats-server" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { throw ServerFailure("nats-server is not installed: Scripts/setup test") }
        return found
    }

    /// Starts it, and returns when it serves streams.
    func start(_ time: any TimeSource = SystemTime()) async throws {
        try await process.start(until: { [monitoringPort] in await answers(monitoringPort) }, time)
    }

    var settings: NATSSettings {
        var settings = NATSSettings(
            servers: ["nats://127.0.0.1:\(port)"],
            monitoring: ["http://127.0.0.1:\(monitoringPort)"]
        )
        settings.limits.acceptsUndeclared = true
        return settings
    }

    /// Runs `body` with a bus of the service `test` that owns all topics.
    func withBus<R: Sendable>(
        service: String = "test",
        policy: BusPolicy = .sole("test"),
        change: @Sendable (inout NATSSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (NATSBus) async throws -> R
    ) async throws -> R {
        var settings = settings
        change(&settings)
        let bus = try await NATSBus.open(settings, service: service, policy: policy, runtime: .system)
        return try await bus.running(body)
    }
}

extension NATSBus {
    /// Runs `body` while the bus runs.
    func running<R: Sendable>(_ body: @escaping @Sendable (NATSBus) async throws -> R) async throws -> R {
        try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask {
                try? await self.run()
                return nil
            }
            group.addTask { try await body(self) }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}

/// The server that the tests of this process share: it ends with the last of them.
actor SharedServer {
    static let current = SharedServer()

    private weak var server: NATSServer?
    private var isStarting = false

    func get() async throws -> NATSServer {
        let time = SystemTime()
        while isStarting { try await time.sleep(for: .milliseconds(20)) }
        if let server { return server }
        isStarting = true
        defer { isStarting = false }
        let started = try NATSServer()
        try await started.start(time)
        server = started
        return started
    }
}

/// Whether a server's monitoring states that it stores streams.
private func answers(_ port: Int) async -> Bool {
    do {
        _ = try await NATSMonitor(url: "http://127.0.0.1:\(port)").requireDurable(within: .seconds(1))
        return true
    } catch let fault as Fault {
        return fault.reason == "nats.unsynced_writes"
    } catch {
        return false
    }
}

/// An event of the key on the topic.
func numbered(_ sequence: Int64, of key: String = "k", on topic: String, body: [UInt8] = [1, 2, 3]) -> Envelope {
    Envelope(
        id: "test/1/\(topic)/\(key)/\(sequence)",
        source: "test",
        epoch: 1,
        topic: topic,
        key: key,
        sequence: sequence,
        time: Timestamp(seconds: 1_767_225_600),
        traceparent: nil,
        body: body
    )
}
