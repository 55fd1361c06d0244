import MartletCore
import MartletSQL
import MartletSimulation

/// Waits until healed services have done all their work, and finds what they cannot do by themselves.
///
/// It reads the views for audit that the toolkit's migrations publish.
struct Quiescence: Sendable {
    /// How long after the faults have healed the services must be quiescent.
    private static let limit = Duration.seconds(600)
    private static let pollInterval = Duration.seconds(1)
    private static let pollIntervalMax = Duration.seconds(20)
    /// After which a workflow run that is still open is presumed to wait for a timer.
    private static let timerDelay = Duration.seconds(60)
    private static let firstSkip = Duration.seconds(3_600)
    /// After which a run whose timer has ended has continued.
    private static let skipInterval = Duration.seconds(10)
    /// How long a workflow run may wait for timers, in all.
    static let skipMax = Duration.seconds(400 * 24 * 3_600)

    let cluster: Cluster
    /// Their names.
    let services: [String]
    /// The consumer groups of each topic.
    let consumers: [String: [String]]

    /// The work that the services will do by themselves.
    private struct PendingWork {
        var events: [String] = []
        var runs: [String] = []

        var all: [String] { events + runs }
    }

    private var time: VirtualTime { cluster.simulation.time }

    /// Waits until the services are quiescent.
    ///
    /// - Returns: The pending work when that takes too long; otherwise empty.
    func wait() async throws -> [String] {
        var (end, interval, skip) = (time.now + Self.limit, Self.pollInterval, Self.firstSkip)
        let timersBegin = time.now + Self.timerDelay
        var pending = await pendingWork()
        while !pending.all.isEmpty, time.now < end {
            if pending.events.isEmpty, timersBegin <= time.now, cluster.skippedTime.total < Self.skipMax {
                cluster.skippedTime.skip(by: skip)
                // What follows the timer gets the whole time.
                (end, interval, skip) = (time.now + Self.limit, Self.skipInterval, skip * 2)
            }
            try await time.sleep(for: interval)
            // Work that is still pending takes long, or never ends.
            interval = min(interval * 1.25, Self.pollIntervalMax)
            cluster.startMissing()
            pending = await pendingWork()
        }
        return pending.all
    }

    /// What waits for an operator: parked keys, and parked workflow runs.
    func parked() async -> [String] {
        var found: [String] = []
        for service in services {
            do { found += try await parked(in: service) } catch {
                found.append("\(service): its database does not respond: \(error)")
            }
        }
        return found
    }

    private func parked(in service: String) async throws -> [String] {
        guard let store = cluster.stores[service] else { return [] }
        return try await store.inspect { (tx: borrowing SQLTransaction) in
            let keys = try tx.run(
                """
                SELECT group_name, topic, key, COALESCE(MAX(error), '') FROM audit_parked_events
                GROUP BY group_name, topic, key ORDER BY group_name, topic, key
                """
            ).map {
                try "\(service): group \($0.text(0)) has parked the key \($0.text(2)) of \($0.text(1)): \($0.text(3))"
            }
            let runs = try tx.run(
                """
                SELECT workflow, run_id, COALESCE(error, '') FROM audit_workflow_runs WHERE state = 'needs_human'
                ORDER BY run_id
                """
            ).map { try "\(service): the run \($0.text(1)) of \($0.text(0)) is parked: \($0.text(2))" }
            return keys + runs
        }
    }

    // MARK: Pending work

    private func pendingWork() async -> PendingWork {
        do {
            var pending = PendingWork(events: try await undelivered() + cluster.pendingRestores(of: consumers))
            for service in services {
                guard let store = cluster.stores[service] else { continue }
                let (unsent, open) = try await store.inspect { (tx: borrowing SQLTransaction) in
                    let unsent = try tx.run("SELECT COUNT(*) FROM audit_outbox WHERE sent_at IS NULL").first?.int(0)
                    let open = try tx.run(
                        "SELECT workflow, run_id FROM audit_workflow_runs WHERE state = 'open' ORDER BY run_id"
                    ).map { try "the run \($0.text(1)) of \($0.text(0))" }
                    return (unsent ?? 0, open)
                }
                if unsent > 0 { pending.events.append("\(service): \(unsent) events are not published") }
                pending.runs += open.map { "\(service): \($0) is open" }
            }
            return pending
        } catch {
            return PendingWork(events: ["a database does not respond: \(error)"])
        }
    }

    /// Events in the event log that a consumer group has not acknowledged.
    private func undelivered() async throws -> [String] {
        guard let store = cluster.stores[Deployment.eventLogName] else { return [] }
        let (topics, groups) = try await store.inspect { (tx: borrowing SQLTransaction) in
            let topics = try tx.run("SELECT DISTINCT topic FROM audit_log_events ORDER BY topic").map { try $0.text(0) }
            let groups = try tx.run(
                """
                SELECT topic, group_name, SUM(published - acknowledged) FROM audit_log_groups
                GROUP BY topic, group_name ORDER BY topic, group_name
                """
            ).map { try (topic: $0.text(0), group: $0.text(1), events: $0.int(2)) }
            return (topics, groups)
        }
        let waiting = groups.filter { $0.events > 0 }.map { "\($0.events) events of \($0.topic) wait for \($0.group)" }
        let missing = topics.flatMap { topic in
            (consumers[topic] ?? []).filter { name in !groups.contains { ($0.topic, $0.group) == (topic, name) } }
                .map { "\($0) has not joined \(topic)" }
        }
        return waiting + missing
    }
}
