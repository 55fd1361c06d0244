import MartletCore
import MartletEventLogClient
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSimulation

/// Checks that the replicas of each service share the partitions of its outbox, and that they publish in time when a
/// replica ends.
///
/// For a world that is quiescent and has no faults any more; its events are of a topic without consumers.
package struct RelayCheck: Sendable {
    /// How long after the last fault the replicas may need to share equally: longer than a lease and a probation.
    private static let sharingLimit = Duration.seconds(60)
    private static let pollInterval = Duration.seconds(1)
    private static let latePollInterval = Duration.milliseconds(10)
    /// How long an event of an idle service may wait.
    private static let idleLimit = Duration.milliseconds(100)
    /// How long it may wait when a replica was killed and starts again.
    private static let restartLimit = Duration.seconds(5)
    /// How long it may wait when a replica has ended in order, and the others are alive.
    private static let endLimit = Duration.seconds(1)
    /// Events of one transaction: enough that most partitions have one.
    private static let events = 32

    private let cluster: Cluster

    /// The topic of the events of a service, which owns it.
    static func topic(of service: String) -> TopicPlan { TopicPlan("simulation.relays.\(service)") }

    package init(of cluster: Cluster) { self.cluster = cluster }

    /// What is wrong, in words; empty when no service has as many replicas as a cluster may have.
    package func violations() async throws -> [String] {
        let services = cluster.slots.replicated.filter {
            cluster.slots.indices(of: $0).count == ClusterPlan.replicasLimit
        }
        guard !services.isEmpty else { return [] }
        // One that waits for its crash point would be a fault of its own.
        for machine in cluster.machines { machine.cancelPlannedCrash() }
        for service in services { try await declareTopic(of: service) }
        let unequal = try await unequalShares(of: services)
        guard unequal.isEmpty else { return unequal }
        // What the faults have left, such as a retry delay, ends first.
        let settled = try await unpublished(by: services, after: Self.sharingLimit, "the faults")
        guard settled.isEmpty else { return settled }
        let idle = try await unpublished(by: services, after: Self.idleLimit, "an idle service")
        for service in services { cluster.kill(slot: cluster.slots.indices(of: service)[0]) }
        cluster.startMissing()
        let restarted = try await unpublished(by: services, after: Self.restartLimit, "a kill and a restart")
        try await cluster.end(slots: services.map { cluster.slots.indices(of: $0)[1] })
        let ended = try await unpublished(by: services, after: Self.endLimit, "an orderly end")
        return idle + restarted + ended
    }

    private func declareTopic(of service: String) async throws {
        let log = RemoteEventLog(
            over: cluster.network.channel(from: cluster.outside, to: Deployment.eventLogName),
            service: service,
            time: cluster.simulation.time
        )
        let end = cluster.simulation.time.now + Self.sharingLimit
        while true {
            do {
                return try await log.declare(BusDeclaration(topics: [Self.topic(of: service)]))
            } catch {
                guard cluster.simulation.time.now < end else { throw error }
                try await cluster.simulation.time.sleep(for: Self.pollInterval)
            }
        }
    }

    /// Waits until the replicas share the partitions.
    private func unequalShares(of services: [String]) async throws -> [String] {
        let end = cluster.simulation.time.now + Self.sharingLimit
        while true {
            var found: [String] = []
            for service in services { found += try await unequalShare(of: service) }
            guard !found.isEmpty, cluster.simulation.time.now < end else { return found }
            try await cluster.simulation.time.sleep(for: Self.pollInterval)
        }
    }

    private func unequalShare(of service: String) async throws -> [String] {
        guard let store = cluster.stores[service] else { return [] }
        let shares = try await store.inspect { (tx: borrowing SQLTransaction) in
            try tx.run(
                """
                SELECT instance, COUNT(*) FROM audit_outbox_leases WHERE lease_until > \(tx.date.microseconds)
                GROUP BY instance ORDER BY instance
                """
            ).map { (instance: ExactText(try $0.text(0)), partitions: try $0.int(1)) }
        }
        let counts = shares.map(\.partitions)
        let isEqual = (counts.max() ?? 0) - (counts.min() ?? 0) <= 1
        let replicas = cluster.slots.instances(of: service).map { ExactText($0) }.sorted()
        guard shares.map(\.instance) != replicas || !isEqual else { return [] }
        let text = shares.map { "\($0.instance) has \($0.partitions)" }.joined(separator: ", ")
        return ["\(service): the partitions of the outbox are not shared: \(text)"]
    }

    /// Commits events on each database, in no process of its service.
    ///
    /// - Returns: What is not published after `limit`.
    private func unpublished(by services: [String], after limit: Duration, _ what: String) async throws -> [String] {
        let time = cluster.simulation.time
        let name = "\(what) at \(time.now)"
        for service in services {
            let topic = Self.topic(of: service).name
            try await cluster.stores[service]?.current().transaction("relays", deadline: nil) {
                (tx: borrowing SQLTransaction) in
                for number in 1...Self.events {
                    try tx.append(OutgoingEvent(topic: topic, key: "\(name) \(number)", body: []))
                }
            }
        }
        let start = time.now
        try await time.sleep(for: limit)
        var late: [String: Int] = [:]
        for service in services {
            let count = try await unpublished(by: service)
            if count > 0 { late[service] = count }
        }
        var found: [String] = []
        for (service, count) in late.sorted(by: { $0.key < $1.key }) {
            while try await unpublished(by: service) > 0, time.now - start < Self.sharingLimit * 2 {
                try await time.sleep(for: Self.latePollInterval)
            }
            found.append(
                """
                \(service): \(count) events are not published \(limit) after their commit, after \(what); \
                \(time.now - start) until all are
                """
            )
        }
        return found
    }

    private func unpublished(by service: String) async throws -> Int {
        guard let store = cluster.stores[service] else { return 0 }
        let topic = Self.topic(of: service).name
        return try await store.inspect { (tx: borrowing SQLTransaction) in
            try tx.run(
                "SELECT COUNT(*) FROM audit_outbox WHERE topic = \(topic) AND sent_at IS NULL"
            ).first?.int(0) ?? 0
        }
    }
}
