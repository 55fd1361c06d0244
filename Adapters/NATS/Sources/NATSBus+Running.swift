import Logging
import MartletCore
import MartletMessaging
import Synchronization

extension NATSBus {
    /// Keeps memberships alive and purges the service's own topics until its task is cancelled; then all members leave.
    ///
    /// Failures are logged and retried. Runs once at a time for each bus.
    ///
    /// - Throws: `CancellationError`.
    public func run() async throws {
        state.withLock { $0.isRunning = true }
        let interval = min(NATSMembership.interval, limits.acknowledgementWait / 5)
        var nextPurge = time.now + limits.purgeInterval
        do {
            while true {
                try await time.sleep(for: interval)
                await keepMembers()
                try await renewIfUnserved()
                guard nextPurge <= time.now else { continue }
                try await purge()
                nextPurge = time.now + limits.purgeInterval
            }
        } catch {
            state.withLock { $0.isRunning = false }
            for member in link.shared.members { await member.leave() }
            throw error
        }
    }

    private func keepMembers() async {
        let shared = link.shared
        for member in shared.members { await member.keep() }
        shared.state.withLock { state in
            state.members.removeAll { $0.member?.hasLeft ?? true }
            state.groups = state.groups.filter { !$0.value.isUnused }
        }
    }

    /// Connects again, perhaps to another server, when all calls have failed for twice their time.
    ///
    /// A server that a partition of the network cut off from its cluster keeps its connections, and the library stays with
    /// it. Members of the old connection end: they join again.
    private func renewIfUnserved() async throws {
        let old = link
        guard settings.servers.count > 1, old.connection.isConnected,
            old.calls.isUnserved(for: limits.callTimeout * 2, at: time.now)
        else { return }
        Logger.current.warning("the server of NATS does not serve, will connect again")
        let new = try await NATSLink.open(settings, service: service.text, runtime)
        state.withLock { $0.link = new }
        for member in old.shared.members { member.end() }
    }

    // MARK: Retention

    private func purge() async throws {
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
