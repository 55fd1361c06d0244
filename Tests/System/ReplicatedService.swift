import BuiltPrograms
import Foundation
import MartletCore
import MartletDiscovery
import MartletREST
import MartletSecurity
import MartletTesting
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A gateway, and behind it several instances of a service without tables, each a process.
final class ReplicatedService: Sendable {
    /// The answer to one request.
    struct Answer: Sendable {
        let status: Int
        /// The instance that gave it.
        let instance: String?
    }

    private struct Body: Decodable {
        struct Product: Decodable { let name: String }
        let product: Product
    }

    private let folder: TemporaryFolder
    private let client: HTTP1Client
    private let gatewayPort: Int
    private let gateway: Process
    private let instances: [(name: String, process: Process)]

    /// Returns once all of them are ready.
    init(_ names: [String]) async throws {
        folder = try TemporaryFolder()
        var limits = HTTP1ClientLimits.standard
        limits.connectTimeout = HangLimit.wait
        client = HTTP1Client(limits: limits)
        let keys = folder.file("keys")
        _ = try await LocalIssuer(folder: keys, algorithm: .edDSA, time: SystemTime())
        let registry = folder.file("registry.json")
        let ports = try names.map { _ in Int(try RunningShop.freePort()) }
        let listed = zip(names, ports).map { name, port in
            Instance(id: name, http: Address(host: "127.0.0.1", port: port), grpc: nil, operate: nil)
        }
        try RegistryFile.write(["catalog": listed], to: registry)
        let shared = ["--registry", registry, "--keys", keys]
        let data = folder.file("data")
        instances = try zip(names, ports).map { name, port in
            let own = ["--data", "\(data)-\(name)", "--instance", name, "--http-port", "\(port)"]
            return (name, try Self.started("statelessd", shared + own))
        }
        gatewayPort = Int(try RunningShop.freePort())
        let own = ["--http-port", "\(gatewayPort)", "--anonymous-reads-per-minute", "0"]
        gateway = try Self.started("gatewayd", shared + own)
        do {
            for port in ports + [gatewayPort] { try await isReady(port) }
        } catch {
            await close()
            throw error
        }
    }

    private func isReady(_ port: Int) async throws {
        try await Poll.until("port \(port) to be ready") {
            // Nothing listens yet.
            (try? await get("/readyz", on: port))?.status == .ok ? true : nil
        }
    }

    /// Asks the gateway for a product, once.
    ///
    /// - Throws: When the gateway does not answer.
    func product() async throws -> Answer {
        let response = try await get("/v1/products/MUG", on: gatewayPort)
        // A problem has no product.
        let body = try? JSONDecoder().decode(Body.self, from: Data(response.body.readableBytesView))
        return Answer(status: Int(response.status.code), instance: body?.product.name)
    }

    /// Kills an instance by SIGKILL; the registry still lists it.
    func end(_ name: String) {
        for instance in instances where instance.name == name { kill(instance.process.processIdentifier, SIGKILL) }
    }

    /// Ends all processes.
    func close() async {
        await client.shutdown()
        for process in instances.map(\.process) + [gateway] {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    private func get(_ path: String, on port: Int) async throws -> HTTP1Client.Response {
        try await client.send(
            HTTP1Client.Request(
                method: "GET",
                target: path,
                headers: ["x-request-timeout": "\(HangLimit.wait.milliseconds)"],
                body: ByteBuffer()
            ),
            host: "127.0.0.1",
            port: port,
            timeout: HangLimit.wait,
            responseBytesMax: 1 << 20
        )
    }

    private static func started(_ program: String, _ arguments: [String]) throws -> Process {
        let process = Program(built: program).process(arguments)
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}
