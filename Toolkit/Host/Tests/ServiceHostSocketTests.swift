import Foundation
import FoundationNetworking
import Logging
import MartletCore
import MartletMessaging
import MartletRPC
import MartletSQL
import MartletSQLite
import MartletSecurity
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

private let promtool = Validators.path(of: "promtool")

/// A host with the word service, on free ports, real clocks and real files.
private struct HostFixture {
    let folder: TemporaryFolder
    let issuer: LocalIssuer
    let host: ServiceHost
    let health: HealthListener
    let runtime: ServiceRuntime
    let time = SystemTime()

    /// - Parameters:
    ///   - runtimes: Served instead of the word service.
    ///   - close: How long databases may take to close.
    init(
        _ listeners: Listeners = Listeners(host: "127.0.0.1", http: 0, grpc: 0, operate: 0, health: nil),
        runtimes: [ServiceRuntime]? = nil,
        close: Duration = HangLimit.wait
    ) async throws {
        folder = try TemporaryFolder()
        let (time, system) = (time, Runtime.system)
        issuer = try await LocalIssuer(folder: folder.path, algorithm: .edDSA, time: time)
        let database = try SQLiteDatabase(path: folder.file("words.sqlite"), time: time)
        runtime = try await ServiceRuntime(
            WordService.self,
            on: WordFixture.dependencies(database, bus: InMemoryBus(time: time), runtime: system)
        )
        let verifier = TokenVerifier(
            issuers: [
                LocalIssuer.entry(FixedKeys(try await KeySet.read(LocalIssuer.keySetPath(in: folder.path))))
            ],
            people: .people,
            audience: LocalIssuer.audience,
            callees: ["words"],
            leeway: .zero,
            time: time
        )
        var limits = ServiceHostLimits()
        limits.notReadyDelay = .zero
        // A slow machine must not abandon a task, which would end the process of all tests.
        limits.stop = HangLimit.wait
        limits.close = close
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let metrics = MetricsRegistry(service: "process")
        health = HealthListener(
            ListenAddress(host: "127.0.0.1", port: 0),
            metrics: metrics,
            system: nil,
            runtime: system,
            logger: logger
        )
        var host = ServiceHost(
            runtimes ?? [runtime],
            listeners: listeners,
            authenticator: TokenAuthenticator(verifier: verifier),
            metrics: metrics,
            limits: limits,
            runtime: system,
            logger: logger
        )
        host.health = health
        host.rpcLimits = .patient
        self.host = host
    }

    /// Serves while `body` runs, then stops.
    func serving(_ body: @escaping @Sendable (BoundPorts) async throws -> Void) async throws {
        let (host, health) = (host, health)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, continuation) = AsyncStream.makeStream(of: BoundPorts.self)
            group.addTask {
                do {
                    try await health.whileRunning {
                        try await host.run(handlingSignals: false) { continuation.yield($0) }
                    }
                } catch is CancellationError {
                    return
                }
            }
            group.addTask {
                for await bound in ports { return try await body(bound) }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    static func get(_ path: String, _ port: Int?) async throws -> (status: Int, body: String) {
        let url = try #require(URL(string: "http://127.0.0.1:\(port ?? 0)\(path)"))
        let request = URLRequest(url: url, timeoutInterval: TimeInterval(HangLimit.wait.components.seconds))
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }
}

@Suite("Service host", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ServiceHostSocketTests {
    @Test("after its end the databases of its services are closed, and no log lies beside them")
    func closesDatabases() async throws {
        let fixture = try await HostFixture()
        try await fixture.serving { _ in }
        let file = fixture.folder.file("words.sqlite")
        #expect(FileManager.default.fileExists(atPath: file + "-wal"))
        await fixture.host.close()
        await fixture.host.close()
        #expect(!FileManager.default.fileExists(atPath: file + "-wal"))
        let error = await #expect(throws: SQLError.self) { _ = try await fixture.runtime.isFlushed() }
        #expect(error?.code == "closed")
    }

    @Test("waits no longer than its limit for a database that does not close, and closes the others")
    func closeLimit() async throws {
        let closed = Mutex<Set<String>>([])
        let gate = Gate()
        func unit(_ name: String, close: @escaping @Sendable () async -> Void) -> ServiceRuntime {
            let time = SystemTime()
            return ServiceRuntime(
                name: name,
                telemetry: Telemetry(service: name, level: .critical, time: time),
                time: time,
                contracts: [],
                close: close
            )
        }
        let runtimes = [
            unit("first") { closed.withLock { _ = $0.insert("first") } }, unit("stuck") { await gate.wait() },
            unit("last") { closed.withLock { _ = $0.insert("last") } },
        ]
        let fixture = try await HostFixture(runtimes: runtimes, close: .milliseconds(500))
        await fixture.host.close()
        #expect(closed.withLock { $0 } == ["first", "last"])
        gate.open()
    }

    @Test("serves liveness, readiness, OpenAPI and 404")
    func health() async throws {
        let fixture = try await HostFixture()
        let host = fixture.host
        #expect(host.readiness.current == .starting)
        try await fixture.serving { ports in
            #expect(ports.health != ports.http)
            for port in [ports.http, ports.health] {
                #expect(try await HostFixture.get("/livez", port).status == 200)
                let ready = try await HostFixture.get("/readyz", port)
                #expect(ready == (200, "serving\n"))
            }
            #expect(try await HostFixture.get("/openapi.json", ports.health).status == 404)
            #expect(try await HostFixture.get("/metrics", ports.http).status == 404)
            #expect(try await HostFixture.get("/openapi.json", ports.http).body.contains("\"openapi\":\"3.1"))
            #expect(try await HostFixture.get("/nowhere", ports.http).status == 404)
            let problem = Mutex<String?>("the disk is full")
            host.readiness.add { problem.withLock { $0 } }
            for port in [ports.http, ports.health] {
                let full = try await HostFixture.get("/readyz", port)
                #expect(full == (503, "the disk is full\n"))
            }
            #expect(try await HostFixture.get("/livez", ports.http).status == 200)
            problem.withLock { $0 = nil }
            #expect(try await HostFixture.get("/readyz", ports.http).status == 200)
            host.readiness.advance(to: .draining)
            for port in [ports.http, ports.health] {
                #expect(try await HostFixture.get("/readyz", port).status == 503)
            }
            #expect(try await HostFixture.get("/livez", ports.http).status == 200)
        }
        #expect(host.readiness.current == .draining)
    }

    @Test("does not listen for operators without operator contracts")
    func withoutOperators() async throws {
        let time = SystemTime()
        let idle = ServiceRuntime(
            name: "idle",
            telemetry: Telemetry(service: "idle", level: .critical, time: time),
            time: time,
            contracts: []
        )
        try await HostFixture(runtimes: [idle]).serving { ports in
            #expect(ports.grpc != nil)
            #expect(ports.operate == nil)
        }
        try await HostFixture().serving { ports in #expect(ports.operate != nil) }
    }

    @Test("fails with an error that names the port when it is in use")
    func portInUse() async throws {
        let first = try await HostFixture()
        try await first.serving { ports in
            let port = try #require(ports.http)
            let listeners = [
                Listeners(host: "127.0.0.1", http: port, grpc: nil, operate: nil, health: nil),
                Listeners(host: "127.0.0.1", http: nil, grpc: port, operate: nil, health: nil),
            ]
            for listeners in listeners {
                let second = try await HostFixture(listeners)
                let fault = await #expect(throws: CannotListen.self) {
                    try await second.host.run(handlingSignals: false)
                }
                #expect(fault?.description.contains("127.0.0.1:\(port)") == true)
                #expect(second.host.readiness.current != .serving)
            }
        }
    }

    @Test("serves the operator API on its own port, by token and scope")
    func operators() async throws {
        let fixture = try await HostFixture()
        let good = try await fixture.issuer.userToken("olga", scopes: ["operate"], lifetime: HangLimit.wait)
        let service = try await fixture.issuer.serviceToken("parcels", to: "words", lifetime: HangLimit.wait)
        let withoutScope = try await fixture.issuer.userToken(
            "paul",
            scopes: ["parcels:write"],
            lifetime: HangLimit.wait
        )
        let time = fixture.time
        try await fixture.serving { ports in
            func call(_ port: Int?, _ token: String?) async throws -> Int {
                let connection = RPCConnection(
                    host: "127.0.0.1",
                    port: port ?? 0,
                    limits: .patient,
                    runtime: Runtime(time: time, entropy: SystemEntropy()),
                    authorization: { _ in token.map { "Bearer \($0)" } }
                )
                let records = try await OperateClient(over: connection).listAudit(.init(), context: CallContext())
                    .records
                await connection.close()
                return records.count
            }
            func code(_ port: Int?, _ token: String?) async -> FaultCode? {
                do {
                    _ = try await call(port, token)
                    return nil
                } catch { return Fault(describing: error).code }
            }
            #expect(await code(ports.operate, good) == nil)
            #expect(await code(ports.operate, withoutScope) == .permissionDenied)
            #expect(await code(ports.operate, service) == .permissionDenied)
            #expect(await code(ports.operate, nil) == .unauthenticated)
            #expect(await code(ports.operate, "nonsense") == .unauthenticated)
            #expect(await code(ports.grpc, good) == .unimplemented)
        }
    }

    @Test("a call cancelled before it begins ends exactly once")
    func cancelledBefore() async throws {
        let fixture = try await HostFixture()
        let token = try await fixture.issuer.userToken("olga", scopes: ["operate"], lifetime: HangLimit.wait)
        let time = fixture.time
        try await fixture.serving { ports in
            let connection = RPCConnection(
                host: "127.0.0.1",
                port: ports.operate ?? 0,
                limits: .patient,
                runtime: Runtime(time: time, entropy: SystemEntropy()),
                authorization: { _ in "Bearer \(token)" }
            )
            let client = OperateClient(over: connection)
            _ = try await client.listAudit(.init(), context: CallContext())
            let codes = await withTaskGroup(of: FaultCode?.self) { group in
                for _ in 1...100 {
                    group.addTask {
                        withUnsafeCurrentTask { $0?.cancel() }
                        do {
                            _ = try await client.listAudit(.init(), context: CallContext())
                            return nil
                        } catch { return Fault(describing: error).code }
                    }
                }
                return await group.reduce(into: Set<FaultCode?>()) { $0.insert($1) }
            }
            #expect(codes.isSubset(of: [.cancelled, nil]))
            #expect(codes.contains(.cancelled))
            await connection.close()
        }
    }

    @Test(
        "exposes metrics that promtool accepts",
        .enabled(if: promtool != nil || Validators.areRequired)
    )
    func metrics() async throws {
        let promtool = try #require(promtool)
        let fixture = try await HostFixture()
        let text = Mutex("")
        try await fixture.serving { ports in
            _ = try await HostFixture.get("/nowhere", ports.http)
            let body = try await HostFixture.get("/metrics", ports.health).body
            text.withLock { $0 = body }
        }
        let exposition = text.withLock { $0 }
        #expect(exposition.contains("martlet_http_requests_total{"))
        #expect(exposition.contains("process_resident_memory_bytes{"))
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: promtool)
        tool.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        (tool.standardInput, tool.standardOutput, tool.standardError) = (input, output, output)
        try tool.run()
        input.fileHandleForWriting.write(Data(exposition.utf8))
        try input.fileHandleForWriting.close()
        let report = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        tool.waitUntilExit()
        #expect(tool.terminationStatus == 0, "\(report)")
        #expect(report.isEmpty)
    }
}
