public import MartletCore
import Synchronization

/// A broker inside the process, without a disk: for tests, simulations and trials.
///
/// Deterministic.
public final class InMemoryBus: MessageBus {
    /// Events that a bus keeps before it refuses to take more.
    public static let eventsLimit = 1_000_000
    /// Deliveries that one member may hold without acknowledging them.
    public static let windowLimit = 1_024
    /// How long a member may hold a delivery before it is thought dead.
    public static let holdingLimit = Duration.seconds(300)

    private let time: any TimeSource
    private let state: Mutex<State>

    /// - Parameter partitions: Of every topic. At least 1.
    public init(partitions: Int = 8, time: any TimeSource) {
        self.time = time
        state = Mutex(State(partitions: partitions))
    }

    public func publish(_ events: [Envelope]) async throws {
        let signals = try state.withLock { try $0.publish(events) }
        for signal in signals { signal.raise() }
    }

    public func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        let signal = Signal()
        let (id, others) = state.withLock { $0.join(topic, group, start, signal) }
        for other in others { other.raise() }
        return InMemoryMember(bus: self, topic: topic, group: group, id: id, signal: signal)
    }

    public func status() async throws -> [TopicStatus] { state.withLock { $0.status } }

    fileprivate enum Step: Sendable {
        case deliver([Delivery])
        case wait(until: Moment?)
        case gone
    }

    fileprivate func take(_ member: InMemoryMember, limit: Int) -> Step {
        let (step, signals) = state.withLock {
            $0.take(member.id, member.topic, member.group, limit: limit, at: time.now)
        }
        for signal in signals { signal.raise() }
        return step
    }

    fileprivate func wait(for signal: Signal, until moment: Moment?) async throws {
        try await signal.wait(until: moment, time)
    }

    fileprivate func change(_ member: InMemoryMember, _ change: (inout GroupMachine, Moment) -> Void) {
        let signals = state.withLock { $0.change(member.topic, member.group) { change(&$0, time.now) } }
        for signal in signals { signal.raise() }
    }
}

extension InMemoryBus {
    fileprivate struct Group {
        var machine: GroupMachine
        var signals: [Int: Signal] = [:]

        var everyone: [Signal] { signals.sorted { $0.key < $1.key }.map(\.value) }
    }

    fileprivate struct TopicState {
        var partitions: [[Envelope]]
        var groups: [String: Group] = [:]
    }

    fileprivate struct State {
        let partitions: Int
        var topics: [String: TopicState] = [:]
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
                topics[event.topic, default: fresh].partitions[index].append(event)
            }
            return Set(batch.map(\.topic)).sorted().flatMap { announce($0) }
        }

        private mutating func announce(_ topic: String) -> [Signal] {
            guard var state = topics.removeValue(forKey: topic) else { return [] }
            var signals: [Signal] = []
            for name in state.groups.keys.sorted() {
                for (index, stored) in state.partitions.enumerated() {
                    state.groups[name]?.machine.published(index, head: Int64(stored.count))
                }
                signals += state.groups[name]?.everyone ?? []
            }
            topics[topic] = state
            return signals
        }

        mutating func join(_ topic: String, _ name: String, _ start: GroupStart, _ signal: Signal) -> (Int, [Signal]) {
            lastMember += 1
            let known = topics[topic] ?? empty
            var group =
                known.groups[name]
                ?? Group(
                    machine: GroupMachine(
                        known.partitions.map {
                            let head = Int64($0.count)
                            return (floor: start == .earliest ? 0 : head, done: RangeSet(), head: head)
                        }
                    )
                )
            group.machine.join(lastMember)
            group.signals[lastMember] = signal
            topics[topic, default: known].groups[name] = group
            return (lastMember, group.everyone)
        }

        mutating func take(
            _ member: Int,
            _ topic: String,
            _ name: String,
            limit: Int,
            at now: Moment
        ) -> (Step, [Signal]) {
            // Taken out while it changes, so that it is not copied.
            guard var group = topics[topic]?.groups.removeValue(forKey: name) else { return (.gone, []) }
            defer { topics[topic]?.groups[name] = group }
            let late = group.machine.late(after: InMemoryBus.holdingLimit, at: now)
            for dead in late { group.machine.leave(dead, at: now) }
            var woken = late.isEmpty ? [] : group.everyone
            guard group.machine.holds(member) else {
                group.signals[member] = nil
                return (.gone, woken)
            }
            let wasIdle = group.machine.heldSince == nil
            let handouts = group.machine.take(for: member, limit: limit, window: InMemoryBus.windowLimit, at: now)
            guard !handouts.isEmpty else {
                let moment = group.machine.nextLook(for: member, holding: InMemoryBus.holdingLimit, after: now)
                return (.wait(until: moment), woken)
            }
            // From now on those who wait have to see whether this member holds it for too long.
            if wasIdle { woken = group.everyone }
            let stored = (topics[topic] ?? empty).partitions
            let deliveries = handouts.map { handout in
                let event = stored[handout.id.partition][Int(handout.id.offset) - 1]
                return Delivery(id: handout.id, event: event, attempt: handout.attempt)
            }
            return (.deliver(deliveries), woken)
        }

        mutating func change(
            _ topic: String,
            _ name: String,
            _ change: (inout GroupMachine) -> Void
        ) -> [Signal] {
            guard var group = topics[topic]?.groups.removeValue(forKey: name) else { return [] }
            change(&group.machine)
            for member in group.signals.keys.sorted() where !group.machine.holds(member) {
                group.signals[member]?.raise()
                group.signals[member] = nil
            }
            topics[topic]?.groups[name] = group
            return group.everyone
        }

        var status: [TopicStatus] {
            topics.sorted { $0.key < $1.key }.map { topic, state in
                let published = state.partitions.reduce(0) { $0 + Int64($1.count) }
                let groups = state.groups.sorted { $0.key < $1.key }.map { name, group in
                    TopicStatus.Group(
                        name: name,
                        acknowledged: group.machine.acknowledged,
                        lag: published - group.machine.acknowledged
                    )
                }
                return TopicStatus(topic: topic, published: published, groups: groups)
            }
        }

        private var empty: TopicState { TopicState(partitions: Array(repeating: [], count: partitions)) }
    }
}

/// One member of a group on an ``InMemoryBus``.
private struct InMemoryMember: GroupMember {
    let bus: InMemoryBus
    let topic: String
    let group: String
    let id: Int
    let signal: Signal

    func receive(limit: Int) async throws -> [Delivery] {
        precondition(limit >= 1)
        while true {
            try Task.checkCancellation()
            switch bus.take(self, limit: limit) {
            case .deliver(let deliveries): return deliveries
            case .wait(let moment): try await bus.wait(for: signal, until: moment)
            case .gone: throw Fault(.unavailable, .unavailable, "this member has left its group")
            }
        }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        bus.change(self) { machine, _ in _ = machine.acknowledge(deliveries) }
    }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        bus.change(self) { machine, now in machine.giveBack(deliveries, from: id, due: now + pause) }
    }

    func leave() async {
        bus.change(self) { machine, now in machine.leave(id, at: now) }
    }
}
