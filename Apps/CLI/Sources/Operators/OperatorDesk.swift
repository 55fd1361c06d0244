import Foundation
import MartletCore
import MartletDiscovery
import MartletHost
import MartletRPC
import MartletSecurity

/// The operators' listeners of a running shop, found through its data folder and opened with a token of its own issuer.
struct OperatorDesk: Sendable {
    /// How long one question may take.
    static let patience: Duration = .seconds(10)
    /// How long the token lasts: the command that uses it is short.
    static let tokenLifetime: Duration = .seconds(300)

    /// One service and its operators' listener.
    struct Service: Sendable {
        let name: String
        let calls: any OperateCalls
        fileprivate let connection: RPCConnection
        fileprivate let time: any TimeSource

        /// What a call carries: a process that holds several services is told which one is meant.
        var context: CallContext {
            CallContext(deadline: time.now + OperatorDesk.patience, metadata: ["martlet-service": name])
        }
    }

    /// By name.
    let services: [Service]

    /// - Parameter only: The one service that is meant; `nil` for all that run.
    /// - Throws: ``CommandFailure`` when nothing runs there, or there is no such service.
    static func open(_ folder: DataFolder, only: String?) async throws -> OperatorDesk {
        let (time, entropy) = (SystemTime(), SystemEntropy())
        let registry = try read(folder)
        let issuer = try await LocalKeys(folder: folder, time: time, entropy: entropy).existingIssuer()
        let token = try await issuer.userToken("operator", scopes: ["operate"], lifetime: tokenLifetime)
        let services = registry.sorted { $0.key < $1.key }.compactMap { name, instances -> Service? in
            guard only == nil || only == name, let address = instances.first?.operate else { return nil }
            let channel = RPCConnection(
                host: address.host,
                port: address.port,
                limits: RPCClientLimits(),
                time: time,
                entropy: entropy,
                authorization: { _ in "Bearer \(token)" }
            )
            return Service(name: name, calls: OperateClient(over: channel), connection: channel, time: time)
        }
        guard !services.isEmpty else {
            throw CommandFailure(only.map { "no service \($0) runs on \(folder.path)" } ?? "no service runs there")
        }
        return OperatorDesk(services: services)
    }

    /// Lends a desk for as long as `body` runs.
    ///
    /// - Throws: As ``open(_:only:)``, or what `body` throws.
    static func with<R>(
        _ folder: DataFolder,
        only: String?,
        _ body: (OperatorDesk) async throws -> R
    ) async throws -> R {
        let desk = try await open(folder, only: only)
        do {
            let result = try await body(desk)
            await desk.close()
            return result
        } catch {
            await desk.close()
            throw error
        }
    }

    /// The registry of a shop that was started at least once.
    static func read(_ folder: DataFolder) throws -> [String: [Instance]] {
        guard FileManager.default.fileExists(atPath: folder.registry) else {
            throw CommandFailure("nothing runs on \(folder.path)", status: ExitStatus.notRunning)
        }
        do {
            return try RegistryFile.read(folder.registry)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Closes the connections; a repeat does nothing.
    func close() async {
        for service in services { await service.connection.close() }
    }

    /// What the services said, and which of them said nothing.
    struct Answers<Answer> {
        let all: [(service: String, answer: Answer)]
        /// By name.
        let missing: [String]

        /// - Throws: Status 1 when somebody said nothing: what was shown is not all there is.
        func mustBeComplete() throws {
            if !missing.isEmpty { throw ExitStatus.failed }
        }
    }

    /// Asks every service, and tells on standard error of those that do not answer.
    ///
    /// - Throws: ``CommandFailure`` when none answers.
    func ask<Answer>(_ question: (Service) async throws -> Answer) async throws -> Answers<Answer> {
        let (answers, faults) = try await gather(question)
        for fault in faults { Terminal().note("Warning: \(fault)") }
        return answers
    }

    /// Asks every service; what those say that do not answer.
    ///
    /// - Throws: ``CommandFailure`` when none answers.
    func gather<Answer>(
        _ question: (Service) async throws -> Answer
    ) async throws -> (answers: Answers<Answer>, faults: [String]) {
        var answers: [(service: String, answer: Answer)] = []
        var faults: [String] = []
        var missing: [String] = []
        for service in services {
            do {
                answers.append((service.name, try await question(service)))
            } catch let fault as Fault {
                faults.append("\(service.name): \(fault.message)")
                missing.append(service.name)
            }
        }
        guard !answers.isEmpty else { throw CommandFailure(faults.joined(separator: "; ")) }
        return (Answers(all: answers, missing: missing), faults)
    }

    /// The answer of the first service that does not say "not found", since only one of them knows a run or a message.
    ///
    /// - Throws: ``CommandFailure`` when no service knows it, or the one that does refuses.
    func find<Answer>(
        _ question: (Service) async throws -> Answer
    ) async throws -> (service: String, answer: Answer) {
        var refusal: CommandFailure?
        for service in services {
            do {
                return (service.name, try await question(service))
            } catch let fault as Fault where fault.code == .notFound {
                refusal = refusal ?? CommandFailure(fault.message)
            } catch let fault as Fault {
                refusal = CommandFailure("\(service.name): \(fault.message)")
            }
        }
        throw refusal ?? CommandFailure("no service runs there")
    }
}
