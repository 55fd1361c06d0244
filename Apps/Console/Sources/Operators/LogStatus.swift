import MartletCore
import MartletDiscovery
import MartletEventLog
import MartletRPC
import MartletSecurity

/// The event log's report of its topics and consumer groups.
package struct LogStatus: Sendable, Encodable {
    package struct Group: Sendable, Encodable {
        package let name: String
        package let acknowledged: Int64
        /// Published and not acknowledged.
        package let lag: Int64

        package init(name: String, acknowledged: Int64, lag: Int64) {
            self.name = name
            self.acknowledged = acknowledged
            self.lag = lag
        }
    }

    package struct Topic: Sendable, Encodable {
        package let name: String
        package let published: Int64
        package let groups: [Group]

        package init(name: String, published: Int64, groups: [Group]) {
            self.name = name
            self.published = published
            self.groups = groups
        }
    }

    /// The log's name in the registry.
    package static let service = "eventlog"

    package let topics: [Topic]

    /// Over all groups.
    package var lag: Int64 { topics.flatMap(\.groups).reduce(0) { $0 + $1.lag } }

    /// Queries the event log of the system on `folder`.
    package static func read(_ folder: DataFolder) async throws -> LogStatus {
        let runtime = Runtime.system
        guard let address = try OperatorClient.read(folder)[service]?.first?.grpc else {
            throw CommandFailure("no event log runs on \(folder.path)", status: CommandStatus.notRunning)
        }
        let issuer = try await LocalKeys(folder: folder, time: runtime.time).existingIssuer()
        let token = try await issuer.serviceToken("martlet", lifetime: OperatorClient.tokenLifetime)
        let channel = RPCConnection(
            host: address.host,
            port: address.port,
            limits: RPCClientLimits(),
            runtime: runtime,
            authorization: { _ in "Bearer \(token)" }
        )
        let context = CallContext(deadline: runtime.time.now + OperatorClient.callTimeout)
        do {
            let status = try await EventLogClient(over: channel).status(StatusRequest(), context: context)
            await channel.close()
            return LogStatus(status)
        } catch let fault as Fault {
            throw CommandFailure("the event log: \(fault.detail)")
        }
    }

    private init(_ status: StatusResponse) {
        topics = status.topics.map { topic in
            Topic(
                name: topic.topic,
                published: topic.published,
                groups: topic.groups.map { Group(name: $0.name, acknowledged: $0.acknowledged, lag: $0.lag) }
            )
        }
    }
}
