import MartletContract
import MartletCore
import MartletHost
import MartletSQL
import MartletSimulation
import MartletTesting

/// The operator who redrives the events whose handlers are parked for ending the process, and who knows that they did not: faults
/// ended their processes in two attempts to handle them.
///
/// Such an event with fewer ended processes is a violation.
package struct KilledEvents: Sendable {
    /// What is parked because attempts to handle it have ended the process.
    private struct ParkedKey {
        let group: String
        let topic: String
        let key: String
        let attempts: Int

        var name: String { "\(group) parked the key \(key) of \(topic)" }
    }

    /// One service at each poll, in turn.
    private static let pollInterval = Duration.seconds(1)
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(3)
    /// Attempts that end their process until an event is parked.
    private static let endsMin = 2

    private let cluster: Cluster
    private let services: [String]
    private let isExpected: @Sendable (_ group: String, _ key: String) -> Bool

    /// - Parameters:
    ///   - services: Their names.
    ///   - isExpected: Whether the handler of an event of this key ends the process in fact.
    package init(
        of cluster: Cluster,
        services: [String],
        except isExpected: @escaping @Sendable (_ group: String, _ key: String) -> Bool
    ) {
        self.cluster = cluster
        self.services = services
        self.isExpected = isExpected
    }

    /// Runs until its task is cancelled.
    package func run() async throws {
        var reported: Set<ExactText> = []
        while !services.isEmpty {
            for service in services {
                try await cluster.simulation.time.sleep(for: Self.pollInterval)
                for parked in await parked(in: service) where !isExpected(parked.group, parked.key) {
                    let ends = cluster.slots.ends(of: service)
                    if parked.attempts < Self.endsMin || ends < Self.endsMin,
                        reported.insert(ExactText(parked.name)).inserted
                    {
                        cluster.report(
                            "\(parked.name) as if its handler had ended the process in \(parked.attempts) attempts, "
                                + "and \(ends) processes have ended"
                        )
                    }
                    await redrive(parked, in: service)
                }
            }
        }
    }

    private func parked(in service: String) async -> [ParkedKey] {
        // A database that is not available is read at the next poll.
        let found = try? await cluster.stores[service]?.inspect { (tx: borrowing SQLTransaction) in
            try tx.run(
                """
                SELECT group_name, topic, key, MAX(attempts) FROM audit_parked_events
                WHERE error = 'ended the process' GROUP BY group_name, topic, key ORDER BY group_name, topic, key
                """
            ).map { try ParkedKey(group: $0.text(0), topic: $0.text(1), key: $0.text(2), attempts: $0.int(3)) }
        }
        return found ?? []
    }

    private func redrive(_ parked: ParkedKey, in service: String) async {
        let operators = Cluster.operators(of: service)
        let client = OperateClient(over: cluster.network.channel(from: cluster.outside, to: operators))
        var request = RedriveParkedKeyRequest()
        request.group = parked.group
        request.topic = parked.topic
        request.key = parked.key
        request.reason = "its process was killed"
        let context = CallContext(
            deadline: cluster.simulation.time.now + Self.callTimeout,
            principal: Principal(user: "operator", scopes: ["operate"])
        )
        // A failed call is repeated at the next poll; a refused one is of a key that is not parked any more.
        _ = try? await client.redriveParkedKey(request, context: context)
    }
}
