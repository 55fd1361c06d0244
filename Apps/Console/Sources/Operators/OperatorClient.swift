import Foundation
package import MartletCore
package import MartletDiscovery
package import MartletHost
import MartletRPC
import MartletSecurity

/// A client of the operator listeners of a running system: addresses and token come from its data folder.
package struct OperatorClient: Sendable {
    /// The deadline of one call.
    package static let callTimeout: Duration = .seconds(10)
    /// The lifetime of the token; commands are short.
    package static let tokenLifetime: Duration = .seconds(300)

    /// One service and its operator listener.
    package struct Service: Sendable {
        package let name: String
        package let calls: any OperateCalls
        fileprivate let connection: RPCConnection
        fileprivate let time: any TimeSource

        /// The context of a call; its metadata selects the service in a process that runs several.
        package var context: CallContext {
            CallContext(deadline: time.now + OperatorClient.callTimeout, metadata: ["martlet-service": name])
        }
    }

    /// By name.
    package let services: [Service]

    /// - Parameter only: The service to connect to; `nil` for all running services.
    /// - Throws: ``CommandFailure`` when no system runs on the folder, or it has no such service.
    package static func open(_ folder: DataFolder, only: String?) async throws -> OperatorClient {
        let runtime = Runtime.system
        let registry = try read(folder)
        let issuer = try await LocalKeys(folder: folder, time: runtime.time).existingIssuer()
        let token = try await issuer.userToken("operator", scopes: ["operate"], lifetime: tokenLifetime)
        let services = registry.sorted { $0.key < $1.key }.compactMap { name, instances -> Service? in
            // The event log has operators' calls of its own: ``LogConnection``.
            guard ExactText(name) != ExactText(LogStatus.service), only == nil || only == name,
                let address = instances.first?.operate
            else { return nil }
            let channel = RPCConnection(
                host: address.host,
                port: address.port,
                limits: RPCClientLimits(),
                runtime: runtime,
                authorization: { _ in "Bearer \(token)" }
            )
            return Service(name: name, calls: OperateClient(over: channel), connection: channel, time: runtime.time)
        }
        guard !services.isEmpty else {
            throw CommandFailure("no service \(only.map { "\($0) " } ?? "")runs on \(folder.path)")
        }
        return OperatorClient(services: services)
    }

    /// Runs `body` with an open client and closes it afterwards.
    ///
    /// - Throws: The errors of ``open(_:only:)`` and of `body`.
    package static func with<R>(
        _ folder: DataFolder,
        only: String?,
        _ body: (OperatorClient) async throws -> R
    ) async throws -> R {
        let client = try await open(folder, only: only)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// The registry of the system on `folder`.
    package static func read(_ folder: DataFolder) throws -> [String: [Instance]] {
        guard FileManager.default.fileExists(atPath: folder.registry) else {
            throw CommandFailure("nothing runs on \(folder.path)", status: CommandStatus.notRunning)
        }
        try folder.requireOwn()
        do {
            return try RegistryFile.read(folder.registry)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Closes the connections; idempotent.
    package func close() async {
        for service in services { await service.connection.close() }
    }

    /// The services' responses, and the services without one.
    package struct Responses<Response> {
        package let all: [(service: String, response: Response)]
        /// By name.
        package let missing: [String]

        /// - Throws: Status 1 when a service did not respond, since the output is incomplete.
        package func requireComplete() throws {
            if !missing.isEmpty { throw CommandStatus.failed }
        }
    }

    /// Queries every service, and prints a warning for each that does not respond.
    ///
    /// - Throws: ``CommandFailure`` when none responds.
    package func queryAll<Response>(_ query: (Service) async throws -> Response) async throws -> Responses<Response> {
        let (responses, faults) = try await collect(query)
        for fault in faults { Terminal().note("Warning: \(fault)") }
        return responses
    }

    /// Queries every service; returns the faults of those that do not respond.
    ///
    /// - Throws: ``CommandFailure`` when none responds.
    package func collect<Response>(
        _ query: (Service) async throws -> Response
    ) async throws -> (responses: Responses<Response>, faults: [String]) {
        var responses: [(service: String, response: Response)] = []
        var faults: [String] = []
        var missing: [String] = []
        for service in services {
            do {
                responses.append((service.name, try await query(service)))
            } catch let fault as Fault {
                faults.append("\(service.name): \(fault.detail)")
                missing.append(service.name)
            }
        }
        guard !responses.isEmpty else { throw CommandFailure(faults.joined(separator: "; ")) }
        return (Responses(all: responses, missing: missing), faults)
    }

    /// The response of the first service that does not return "not found": only one service has a given run or message.
    ///
    /// - Throws: ``CommandFailure`` when no service has it, or the one that does returns an error.
    package func find<Response>(
        _ query: (Service) async throws -> Response
    ) async throws -> (service: String, response: Response) {
        var refusal: CommandFailure?
        for service in services {
            do {
                return (service.name, try await query(service))
            } catch let fault as Fault where fault.code == .notFound {
                refusal = refusal ?? CommandFailure(fault.detail)
            } catch let fault as Fault {
                refusal = CommandFailure("\(service.name): \(fault.detail)")
            }
        }
        throw refusal ?? CommandFailure("no service runs on this data folder")
    }
}
