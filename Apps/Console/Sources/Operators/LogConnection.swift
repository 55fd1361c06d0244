package import MartletCore
import MartletDiscovery
package import MartletEventLog
import MartletRPC
import MartletSecurity

/// A connection to the event log of a running system: address and token come from its data folder.
package enum LogConnection {
    /// Whose token it has.
    package enum Caller: Sendable {
        /// For what services may ask.
        case service
        /// For what operators may do.
        case operators
    }

    /// Calls the event log of the system on `folder`, and closes the connection.
    ///
    /// - Throws: ``CommandFailure`` when no event log runs there, or it refuses the call.
    package static func with<R>(
        _ folder: DataFolder,
        as caller: Caller,
        _ body: (EventLogClient, CallContext) async throws -> R
    ) async throws -> R {
        let runtime = Runtime.system
        guard let address = try OperatorClient.read(folder)[LogStatus.service]?.first?.grpc else {
            throw CommandFailure("no event log runs on \(folder.path)", status: CommandStatus.notRunning)
        }
        let issuer = try await LocalKeys(folder: folder, time: runtime.time).existingIssuer()
        let lifetime = OperatorClient.tokenLifetime
        let token =
            switch caller {
            case .service: try await issuer.serviceToken("martlet", lifetime: lifetime)
            case .operators: try await issuer.userToken("operator", scopes: ["operate"], lifetime: lifetime)
            }
        let channel = RPCConnection(
            host: address.host,
            port: address.port,
            limits: RPCClientLimits(),
            runtime: runtime,
            authorization: { _ in "Bearer \(token)" }
        )
        let context = CallContext(
            deadline: runtime.time.now + OperatorClient.callTimeout,
            principal: Principal(service: "martlet", for: .itself)
        )
        do {
            let result = try await body(EventLogClient(over: channel), context)
            await channel.close()
            return result
        } catch let fault as Fault {
            await channel.close()
            throw CommandFailure("the event log: \(fault.detail)")
        } catch {
            await channel.close()
            throw error
        }
    }
}
