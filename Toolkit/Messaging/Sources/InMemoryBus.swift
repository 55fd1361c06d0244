public import MartletCore
import Synchronization

/// A deterministic in-process broker without storage: for tests, simulations and evaluation.
public final class InMemoryBus: MessageBus {
    /// Maximum stored events; further publications are refused.
    static let eventsLimit = 1_000_000
    /// Maximum unacknowledged deliveries of one member.
    static let windowLimit = 1_024
    /// How long a delivery may stay unacknowledged before its member is presumed dead.
    static let acknowledgementTimeout = Duration.seconds(300)

    private let time: any TimeSource
    private let state: Mutex<State>

    /// - Parameters:
    ///   - partitions: Of every topic. At least 1.
    ///   - time: The clock for waits and redelivery.
    public init(partitions: Int = 8, time: any TimeSource) {
        self.time = time
        state = Mutex(State(partitions: partitions))
    }

    @discardableResult
    public func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let refusals = PublishRefusals(of: events) { event in
            TopicName.isValid(event.topic) ? nil : PublishRefusal(.invalidRequest, "a topic must be \(TopicName.rule)")
        }
        let signals = try state.withLock { try $0.publish(refusals.accepted(of: events)) }
        for signal in signals { signal.raise() }
        return refusals.outcomes
    }

    public func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        let signal = Signal()
        let (topic, group) = (ExactText(topic), ExactText(group))
        let (id, others) = state.withLock { $0.join(topic: topic, group: group, start: start, signal: signal) }
        for other in others { other.raise() }
        return InMemoryMember(bus: self, topic: topic, group: group, id: id, signal: signal)
    }

    public func status() async throws -> [TopicStatus] { state.withLock { $0.status } }

    fileprivate enum Step: Sendable {
        case deliver([Delivery])
        case wait(until: Moment?)
        case left
    }

    fileprivate func poll(_ member: InMemoryMember, limit: Int) -> Step {
        let (step, signals) = state.withLock {
            $0.poll(member.id, topic: member.topic, group: member.group, limit: limit, at: time.now)
        }
        for signal in signals { signal.raise() }
        return step
    }

    fileprivate func wait(for signal: Signal, until moment: Moment?) async throws {
        try await signal.wait(until: moment, time)
    }

    fileprivate func change(_ member: InMemoryMember, _ change: (inout GroupStateMachine, Moment) -> Void) {
        let signals = state.withLock { $0.change(member.topic, member.group) { change(&$0, time.now) } }
        for signal in signals { signal.raise() }
    }
}

extension InMemoryBus {
    fileprivate struct Group {
        var state: GroupStateMachine
        var signals: [Int: Signal] = [:]

        var allSignals: [Signal] { signals.sorted { $0.key < $1.key }.map(\.value) }
    }

    fileprivate struct TopicState {
        var partitions: [[Envelope]]
        var groups: [ExactText: Group] = [:]
    }

    fileprivate struct State {
        let partitions: Int
        var topics: [ExactText: TopicState] = [:]
        var events = 0
        var lastMember = 0

        mutating func publish(_ batch: [Envelope]) throws -> [Signal] {
            guard events + batch.count <= InMemoryBus.eventsLimit else {
                throw Fault(.resourceExhausted, .overloaded, "the bus is full", retryAfter: .seconds(1))
            }
            events += batch.count
            let fresh = empty
            for event in batch {
                let index = Partitioning.partition(of: event.key, among: partitions)
                topics[ExactText(event.topic), default: fresh].partitions[index].append(event)
            }
            return Set(batch.map { ExactText($0.topic) }).sorted().flatMap { announce($0) }
        }

        private mutating func announce(_ topic: ExactText) -> [Signal] {
            guard var state = topics.removeValue(forKey: topic) else { return [] }
            var signals: [Signal] = []
            for name in state.groups.keys.sorted() {
                for (index, stored) in state.partitions.enumerated() {
                    state.groups[name]?.state.published(index, head: Int64(stored.count))
                }
                signals += state.groups[name]?.allSignals ?? []
            }
            topics[topic] = state
            return signals
        }

        mutating func join(
            topic: ExactText,
            group name: ExactText,
            start: GroupStart,
            signal: Signal
        ) -> (Int, [Signal]) {
            lastMember += 1
            let known = topics[topic] ?? empty
            var group =
                known.groups[name]
                ?? Group(
                    state: GroupStateMachine(
                        known.partitions.map {
                            let head = Int64($0.count)
                            return (floor: start == .latest ? head : 0, done: RangeSet(), head: head)
                        }
                    )
                )
            if start == .again { group.state.rewind(to: known.partitions.map { _ in 0 }) }
            group.state.join(lastMember)
            group.signals[lastMember] = signal
            topics[topic, default: known].groups[name] = group
            return (lastMember, group.allSignals)
        }

        mutating func poll(
            _ member: Int,
            topic: ExactText,
            group name: ExactText,
            limit: Int,
            at now: Moment
        ) -> (Step, [Signal]) {
            // Removed while it changes, which avoids a copy.
            guard var group = topics[topic]?.groups.removeValue(forKey: name) else { return (.left, []) }
            defer { topics[topic]?.groups[name] = group }
            let expired = group.state.expired(after: InMemoryBus.acknowledgementTimeout, at: now)
            for dead in expired { group.state.leave(dead, at: now) }
            var woken = expired.isEmpty ? [] : group.allSignals
            guard group.state.contains(member) else {
                group.signals[member] = nil
                return (.left, woken)
            }
            let wasIdle = group.state.oldestInFlight == nil
            let dispatches = group.state.poll(for: member, limit: limit, window: InMemoryBus.windowLimit, at: now)
            guard !dispatches.isEmpty else {
                let timeout = InMemoryBus.acknowledgementTimeout
                return (.wait(until: group.state.nextPoll(for: member, timeout: timeout, after: now)), woken)
            }
            // From now on the waiting members must check whether this delivery times out.
            if wasIdle { woken = group.allSignals }
            let stored = (topics[topic] ?? empty).partitions
            let deliveries = dispatches.map { dispatch in
                let event = stored[dispatch.id.partition][Int(dispatch.id.offset) - 1]
                return Delivery(id: dispatch.id, event: event, attempt: dispatch.attempt)
            }
            return (.deliver(deliveries), woken)
        }

        mutating func change(
            _ topic: ExactText,
            _ name: ExactText,
            change: (inout GroupStateMachine) -> Void
        ) -> [Signal] {
            guard var group = topics[topic]?.groups.removeValue(forKey: name) else { return [] }
            change(&group.state)
            for member in group.signals.keys.sorted() where !group.state.contains(member) {
                group.signals[member]?.raise()
                group.signals[member] = nil
            }
            topics[topic]?.groups[name] = group
            return group.allSignals
        }

        var status: [TopicStatus] {
            topics.sorted { $0.key < $1.key }.map { topic, state in
                let published = state.partitions.reduce(0) { $0 + Int64($1.count) }
                let groups = state.groups.sorted { $0.key < $1.key }.map { name, group in
                    TopicStatus.Group(
                        name: name.text,
                        acknowledged: group.state.acknowledged,
                        lag: published - group.state.acknowledged
                    )
                }
                return TopicStatus(topic: topic.text, published: published, groups: groups)
            }
        }

        private var empty: TopicState { TopicState(partitions: Array(repeating: [], count: partitions)) }
    }
}

/// One member of a group on an ``InMemoryBus``.
private struct InMemoryMember: GroupMember {
    let bus: InMemoryBus
    let topic: ExactText
    let group: ExactText
    let id: Int
    let signal: Signal
    /// It forgets nothing.
    var isWhole: Bool { true }
    var losses: [GroupLoss] { [] }

    func receive(limit: Int) async throws -> [Delivery] {
        precondition(limit >= 1)
        while true {
            try Task.checkCancellation()
            switch bus.poll(self, limit: limit) {
            case .deliver(let deliveries): return deliveries
            case .wait(let moment): try await bus.wait(for: signal, until: moment)
            case .left: throw Fault(.unavailable, .unavailable, "this member has left its group")
            }
        }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        bus.change(self) { group, _ in _ = group.acknowledge(deliveries) }
    }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        bus.change(self) { group, now in group.redeliver(deliveries, from: id, due: now + delay) }
    }

    func acknowledge(losses: [GroupLoss]) async throws {}

    func leave() async {
        bus.change(self) { group, now in group.leave(id, at: now) }
    }
}
