import MartletCore
import MartletMessaging
import MartletSQL
import Synchronization

// How services join groups.
extension EventLog {
    /// Joins a group as a member of `service`, with at most `window` deliveries in flight.
    func join(_ plan: GroupPlan, by service: ExactText, start: GroupStart, window: Int) async throws -> EventLogMember {
        let names = (topic: ExactText(plan.topic), group: ExactText(plan.group))
        try admit(plan, by: service)
        let topics = try await prepare([names.topic])
        guard limits.acceptsUndeclared || state.withLock({ $0.isDeclared(names.group, of: names.topic) }) else {
            throw Fault.unknownGroup(plan.group, of: plan.topic)
        }
        if let known = topics[names.topic] {
            try await claim(plan, topic: known.id, by: service)
            if known.groups[names.group] == nil {
                let positions = try await database.transaction("log.join") { tx in
                    try EventLogStore.makeGroup(plan.group, of: known.id, by: service, start: start, in: tx)
                }
                state.withLock {
                    $0.add(EventLogStore.Group(topic: plan.topic, name: plan.group, positions: positions))
                }
            } else if start == .again {
                try await rewind(names.group, of: names.topic, id: known.id)
            }
        }
        let signal = Signal()
        let membership = EventLogState.Membership(
            topic: names.topic,
            group: names.group,
            service: service,
            window: min(window, limits.window)
        )
        let (member, woken, isWhole) = state.withLock { state in
            let isWhole = state.isAtFirstEvent(names.group, of: names.topic)
            let (member, woken) = state.join(membership, signal, at: time.date)
            return (member, woken, isWhole)
        }
        for other in woken { other.raise() }
        do {
            let losses = try await losses(of: names.group, of: names.topic, again: start == .again)
            return EventLogMember(log: self, id: member, signal: signal, isWhole: isWhole, losses: losses)
        } catch {
            leave(member)
            throw error
        }
    }

    /// Has a group go back to the oldest stored event, durably.
    private func rewind(_ group: ExactText, of topic: ExactText, id: Int) async throws {
        while true {
            let floors = try await database.read("log.oldest") { tx in
                try EventLogStore.oldestFloors(of: id, in: tx)
            }
            let (woken, isFlushing) = state.withLock { state in
                (state.rewind(topic, group, to: floors), state.isFlushing)
            }
            for signal in woken { signal.raise() }
            guard !isFlushing else {
                // What is being written is of before, and must not be stored after this.
                try await time.sleep(for: limits.flushInterval)
                continue
            }
            return try await database.transaction("log.rewind") { tx in
                try EventLogStore.rewind(group.text, of: id, to: floors, in: tx)
            }
        }
    }
}
