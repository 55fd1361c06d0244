import Logging
import MartletCore
import MartletMessaging
import MartletTelemetry
import Synchronization

extension NATSBus {
    /// Keeps memberships alive and purges the service's own topics until its task is cancelled; then all members leave.
    ///
    /// Failures are logged and retried. Runs once at a time for each bus.
    ///
    /// - Throws: `CancellationError`.
    public func run() async throws {
        state.withLock { $0.isRunning = true }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await self.serveMembers() }
                // Apart: a member that is not kept while a purge takes long would count as ended.
                group.addTask { try await self.purgeAgain() }
                group.addTask { try await self.readDurabilityAgain() }
            }
        } catch {
            state.withLock { $0.isRunning = false }
            await withDiscardingTaskGroup { group in
                for member in link.shared.members { group.addTask { await member.leave() } }
            }
            throw error
        }
    }

    private func serveMembers() async throws {
        var nextRenewal = time.now
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                try await time.sleep(for: interval)
                // Each by itself: it waits for answers of the server, and the other members are kept meanwhile.
                for member in keepMembers() { group.addTask { await member.leave() } }
                guard nextRenewal <= time.now, isUnserved else { continue }
                try await renew()
                nextRenewal = time.now + limits.callTimeout
            }
        }
    }

    /// Between two announcements and extensions of all members.
    var interval: Duration {
        let waits = link.shared.members.map(\.wait) + [limits.acknowledgementWait]
        return waits.reduce(NATSMembership.interval) { min($0, $1 / 5) }
    }

    /// - Returns: Those that are stuck.
    private func keepMembers() -> [NATSMember] {
        let shared = link.shared
        let stuck = shared.members.filter { $0.keep() }
        shared.state.withLock { state in
            state.members.removeAll { $0.member?.hasLeft ?? true }
            state.groups = state.groups.filter { !$0.value.isUnused }
        }
        return stuck
    }

    /// Whether the library does not find a server that serves by itself.
    ///
    /// It stays with a server that a partition of the network cut off from its cluster, which keeps its connections. And
    /// it gives up when servers refuse its credentials twice, as while they are changed.
    private var isUnserved: Bool {
        let link = link
        return switch link.connection.status {
        case .closed: true
        case .connected: settings.servers.count > 1 && link.calls.isUnserved(for: limits.callTimeout * 2)
        case .disconnected: false
        }
    }

    /// Connects again, perhaps to another server.
    ///
    /// Members of the old connection end: they join again.
    private func renew() async throws {
        let old = link
        Logger.current.warning("no server of NATS serves this connection, will connect again")
        do {
            let new = try await NATSLink.open(settings, service: service.text, runtime)
            state.withLock { $0.link = new }
            for member in old.shared.members { member.end() }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            Logger.current.warning(
                "connecting to NATS failed, will retry",
                metadata: ["error": "\(Fault(describing: error).message)"]
            )
        }
    }

    // MARK: Retention

    private func purgeAgain() async throws {
        let clock = ClockWatch(time: time, metrics: nil)
        while true {
            try await time.sleep(for: limits.purgeInterval)
            try await purge(unless: clock)
        }
    }

    /// Purges the service's own topics, unless the wall clock has jumped: then all ages are wrong for a while.
    func purge(unless clock: ClockWatch) async throws {
        guard !clock.pausesExpiry else { return }
        for topic in state.withLock({ $0.owned.sorted() }) {
            do {
                try await answered { try await purge(topic.text) }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                Logger.current.warning(
                    "removing old events failed, will retry",
                    metadata: ["topic": "\(topic.text)", "error": "\(Fault(describing: error).message)"]
                )
            }
        }
    }

    /// Removes the events that are past their topic's retention and that every group has acknowledged.
    func purge(_ topic: String) async throws {
        let name = names.stream(topic)
        guard let stream = try await streams.stream(name), let subjects = stream.config.subjects else { return }
        let seconds = stream.config.metadata?[StreamNote.retention].flatMap { Int64($0) }
        let horizon = time.date - (seconds.map { .seconds($0) } ?? limits.retention)
        for subject in subjects {
            let kept = try await streams.firstMessage(of: name, subject: subject, since: horizon)
            var first = kept ?? stream.state.last + 1
            // Read last: a group that began meanwhile has a floor.
            for consumer in try await streams.consumers(of: name)
            where consumer.config.filter.map({ ExactText($0) }) == ExactText(subject) {
                first = min(first, consumer.floor.stream + 1)
            }
            guard first > 1 else { continue }
            try await streams.purge(name, subject: subject, below: first)
        }
    }
}
