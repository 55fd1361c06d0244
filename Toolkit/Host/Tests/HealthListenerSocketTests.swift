import Foundation
import FoundationNetworking
import Logging
import MartletCore
import MartletREST
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletHost

@Suite("Health listener", .timeLimit(.minutes(HangLimit.testMinutes)))
struct HealthListenerSocketTests {
    private struct Broken: Error {}

    private struct Answer: Equatable {
        let status: Int
        let body: String
    }

    private static func listener(port: Int = 0, metrics: MetricsRegistry, system: SystemName? = nil) -> HealthListener {
        HealthListener(
            ListenAddress(host: "127.0.0.1", port: port),
            metrics: metrics,
            system: system,
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            runtime: .system,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func get(_ path: String, _ listener: HealthListener) async throws -> Answer {
        let url = try #require(URL(string: "http://127.0.0.1:\(try await listener.boundPort())\(path)"))
        let request = URLRequest(url: url, timeoutInterval: TimeInterval(HangLimit.wait.components.seconds))
        let (data, response) = try await URLSession.shared.data(for: request)
        return Answer(
            status: (response as? HTTPURLResponse)?.statusCode ?? 0,
            body: String(decoding: data, as: UTF8.self)
        )
    }

    @Test("answers before the services are built, and reports their state from then on until the end")
    func life() async throws {
        let process = MetricsRegistry(service: "process")
        process.counter("martlet_test_total", help: "A test.", labels: [:]).add()
        let listener = Self.listener(metrics: process)
        let result = try await listener.whileRunning { () async throws -> Int in
            // As during a migration.
            #expect(try await Self.get("/livez", listener) == Answer(status: 200, body: "alive\n"))
            #expect(try await Self.get("/readyz", listener) == Answer(status: 503, body: "starting\n"))
            #expect(try await Self.get("/metrics", listener).body.contains("martlet_test_total"))
            let readiness = Readiness()
            listener.show(readiness, [MetricsRegistry(service: "parcels")])
            #expect(try await Self.get("/readyz", listener) == Answer(status: 503, body: "starting\n"))
            readiness.advance(to: .serving)
            #expect(try await Self.get("/readyz", listener) == Answer(status: 200, body: "serving\n"))
            readiness.add { "the database of parcels does not answer" }
            #expect(
                try await Self.get("/readyz", listener)
                    == Answer(status: 503, body: "the database of parcels does not answer\n")
            )
            readiness.advance(to: .draining)
            #expect(try await Self.get("/readyz", listener) == Answer(status: 503, body: "draining\n"))
            #expect(try await Self.get("/livez", listener).status == 200)
            #expect(try await !Self.get("/metrics", listener).body.contains("martlet_test_total"))
            #expect(try await Self.get("/openapi.json", listener).status == 404)
            return 7
        }
        #expect(result == 7)
    }

    @Test("a port in use ends the process before its services are built")
    func portInUse() async throws {
        let metrics = MetricsRegistry(service: "process")
        let first = Self.listener(metrics: metrics)
        try await first.whileRunning { () async throws -> Void in
            let second = Self.listener(port: try await first.boundPort(), metrics: metrics)
            let fault = await #expect(throws: CannotListen.self) {
                try await second.whileRunning { Issue.record("nothing is built") }
            }
            #expect(fault?.description.contains("127.0.0.1") == true)
        }
    }

    @Test("ends with the error of the services")
    func broken() async throws {
        let listener = Self.listener(metrics: MetricsRegistry(service: "process"))
        await #expect(throws: Broken.self) { try await listener.whileRunning { throw Broken() } }
    }
}
