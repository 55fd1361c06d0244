package import MartletCore
import MartletDiscovery
package import MartletEventLog
import MartletRPC
import MartletSecurity

/// A connection to the event log of a running system: address and token come from its data folder.
package enum LogConnection {
    /// Calls the operators' listener of the event log of the system on `folder`, and closes the connection.
    ///
    /// - Throws: ``CommandFailure`` when no event log runs there, or it refuses the call.
    package static func with<R>(
        _ folder: DataFolder,
        _ body: (EventLogClient, CallContext) async throws -> R
    ) async throws -> R {
        let runtime = Runtime.system
        guard let address = try OperatorClient.read(folder)[LogStatus.service]?.first?.operate else {
            throw CommandFailure("no event log runs on \(folder.path)", status: CommandStatus.notRunning)
        }
        let issuer = try await LocalKeys(folder: folder, time: runtime.time).existingIssuer()
        let token = try await issuer.userToken(
            "operator",
            scopes: ["operate"],
            lifetime: OperatorClient.tokenLifetime
        )
        let channel = RPCConnection(
            host: address.host,
            port: address.port,
            limits: RPCClientLimits(),
            runtime: runtime,
            authorization: { _ in "Bearer \(token)" }
        )
        let context = CallContext(deadline: runtime.time.now + OperatorClient.callTimeout)
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
