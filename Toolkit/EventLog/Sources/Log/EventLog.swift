import Logging
public import MartletCore
public import MartletMessaging
public import MartletSQL
import MartletTelemetry
import Synchronization

/// The embedded broker: durable topics in one database that one process owns.
///
/// Services use it through ``bus(of:)``, which is bound to one of them: the log's policy decides who publishes and reads
/// what, within a process as for other processes. Safe to share between tasks. Publishing costs one transaction;
/// acknowledgements are written in batches by ``run()``: deliveries whose acknowledgement a crash loses are redelivered.
public final class EventLog: Sendable {
    /// Transactions of one part of a purge, between two writes of acknowledgements.
    static let purgeBatches = 10

    let database: any SQLDatabase
    let time: any TimeSource
    let limits: EventLogLimits
    let policy: BusPolicy
    let state = Mutex(EventLogState())
    /// Pauses purges after a jump of the wall clock, which makes all ages wrong.
    let clock: ClockWatch
    /// When this process began to run the log.
    let opened: Moment
    /// Identifies this process run in member names, so that members of an earlier run are unknown.
    let run: String

    /// Opens the log on its database and brings the schema up to date.
    ///
    /// - Parameters:
    ///   - database: Of this process alone.
    ///   - runtime: The clocks and the random numbers.
    ///   - policy: Who owns each topic, and who reads it.
    ///   - limits: Capacity, delivery, retention and intervals.
    /// - Throws: What the database throws.
    public static func open(
        _ database: any SQLDatabase,
        runtime: Runtime,
        policy: BusPolicy,
        limits: EventLogLimits = EventLogLimits()
    ) async throws -> EventLog {
        try await database.migrate(EventLogTables.migrations + EventLogAuditViews.migrations)
        let (topics, groups) = try await database.transaction("log.open") { tx in
            try EventLogStore.begin(in: tx)
            let topics = try EventLogStore.topics(in: tx)
            var groups: [EventLogStore.Group] = []
            for topic in topics { groups += try EventLogStore.groups(of: topic, in: tx) }
            return (topics, groups)
        }
        let run = String(runtime.entropy.next(), radix: 16)
        let log = EventLog(database, time: runtime.time, run: run, policy: policy, limits: limits)
        log.state.withLock { state in
            for topic in topics { state.add(topic) }
            for group in groups { state.add(group) }
        }
        return log
    }

    private init(
        _ database: any SQLDatabase,
        time: any TimeSource,
        run: String,
        policy: BusPolicy,
        limits: EventLogLimits
    ) {
        precondition(limits.partitions >= 1 && limits.window >= 1 && limits.purgeBatch >= 1)
        self.database = database
        self.time = time
        opened = time.now
        clock = ClockWatch(time: time, metrics: nil)
        self.run = run
        self.policy = policy
        self.limits = limits
    }

    // MARK: Services

    /// The log for one service.
    ///
    /// It publishes on the service's own topics, reads those of services that it speaks to, and uses the groups that belong to
    /// it. All else is refused, with an error that names the service, the topic or group, and the rule.
    public func bus(of service: String) -> any MessageBus { EventLogBus(log: self, service: ExactText(service)) }

    func publish(_ events: [Envelope], by service: ExactText) async throws -> [PublishOutcome] {
        guard events.count <= limits.batch else {
            throw Fault(.resourceExhausted, .requestTooLarge, "a publication is over the limit")
        }
        let known = known(events)
        let refusals = PublishRefusals(of: events) { refusal(of: $0, by: service, known)?.refusal }
        try await store(refusals.accepted(of: events))
        return refusals.outcomes
    }

    /// As ``publish(_:by:)``, for callers that expect one answer: when an event is refused, none is stored.
    ///
    /// - Throws: `Fault` for the first event that is refused.
    func publishAll(_ events: [Envelope], by service: ExactText) async throws {
        let known = known(events)
        for event in events {
            if let refusal = refusal(of: event, by: service, known) { throw Fault(refusal.code, refusal.refusal) }
        }
        _ = try await publish(events, by: service)
    }

    /// The topics of the events that exist; `nil` when others are made.
    private func known(_ events: [Envelope]) -> Set<ExactText>? {
        guard !limits.acceptsUndeclared else { return nil }
        let names = Set(events.map { ExactText($0.topic) })
        return state.withLock { state in names.filter { state.topics[$0] != nil } }
    }

    /// Why the event cannot be stored; `nil` when it can.
    private func refusal(
        of event: Envelope,
        by service: ExactText,
        _ known: Set<ExactText>?
    ) -> (code: FaultCode, refusal: PublishRefusal)? {
        if let denial = policy.denial(ofPublishing: event, by: service) {
            return (denial.fault.code, PublishRefusal(denial.reason, denial.message))
        }
        guard event.body.count <= limits.body else {
            return (.resourceExhausted, PublishRefusal(.requestTooLarge, "a body is over the limit"))
        }
        guard TopicName.isValid(event.topic) else {
            return (.invalidArgument, PublishRefusal(.invalidRequest, "a topic must be \(TopicName.rule)"))
        }
        if let known, !known.contains(ExactText(event.topic)) {
            let fault = Fault.unknownTopic(event.topic)
            return (fault.code, PublishRefusal(fault.reason, fault.message))
        }
        return nil
    }

    private func store(_ events: [Envelope]) async throws {
        guard !events.isEmpty else { return }
        let topics = try await prepare(Set(events.map { ExactText($0.topic) }).sorted())
        let batches = Self.batches(events, topics)
        let heads: [Int64]
        do {
            heads = try await database.transaction("log.publish") { tx in
                var heads: [Int64] = []
                for batch in batches {
                    heads.append(
                        try EventLogStore.store(batch.events, topic: batch.topicID, partition: batch.partition, in: tx)
                    )
                }
                return heads
            }
        } catch {
            // The events may be committed, and the caller may not publish them again.
            state.withLock { $0.isBehind = true }
            throw error
        }
        crashPoint("eventlog.published")
        let signals = state.withLock { state in
            state.published(zip(batches, heads).map { ($0.topic, $0.partition, $1) })
        }
        for signal in signals { signal.raise() }
    }

    public func status() async throws -> [TopicStatus] {
        let lost = try await database.read("log.lost", kind: .scan, deadline: nil) { tx in
            try EventLogLosses.open(in: tx)
        }
        return state.withLock { $0.status(abandonedSince: time.date - limits.groupAlarm, lost: lost) }
    }

    // MARK: Members

    func receive(_ member: EventLogMember, limit: Int) async throws -> [Delivery] {
        precondition(limit >= 1)
        while true {
            try Task.checkCancellation()
            let (step, woken) = state.withLock {
                $0.poll(member.id, limit: limit, timeout: limits.acknowledgementTimeout, at: time.now)
            }
            for signal in woken { signal.raise() }
            switch step {
            case .deliver(let dispatches, let topicID):
                let deliveries = try await read(dispatches, topicID: topicID, for: member)
                if !deliveries.isEmpty { return deliveries }
            case .wait(let moment):
                try await member.signal.wait(until: moment, time)
            case .left:
                throw Fault.leftGroup
            }
        }
    }

    func acknowledge(_ ids: [DeliveryID], by member: Int) throws {
        try change(member) { state, membership in state.acknowledge(ids, for: membership) }
    }

    func redeliver(_ ids: [DeliveryID], by member: Int, after delay: Duration) throws {
        let due = time.now + delay
        try change(member) { state, membership in state.redeliver(ids, from: member, of: membership, due: due) }
    }

    /// Ends a membership immediately; a repeat does nothing.
    func leave(_ member: Int) {
        let woken = state.withLock { $0.leave(member, at: time.now) }
        for signal in woken { signal.raise() }
    }

    func hasMember(_ member: Int) -> Bool { state.withLock { $0.membership(of: member) != nil } }

    private func change(
        _ member: Int,
        _ body: (inout EventLogState, EventLogState.Membership) -> [Signal]
    ) throws {
        let woken = try state.withLock { state in
            guard let membership = state.membership(of: member) else { throw Fault.unknownMember }
            return body(&state, membership)
        }
        for signal in woken { signal.raise() }
    }

    /// Reads the events of dispatched deliveries.
    ///
    /// Events that do not fit are redelivered; events that were purged count as done.
    private func read(
        _ dispatches: [GroupStateMachine.Dispatch],
        topicID: Int,
        for member: EventLogMember
    ) async throws -> [Delivery] {
        guard let membership = state.withLock({ $0.membership(of: member.id) }) else { throw Fault.leftGroup }
        let ids = dispatches.map(\.id)
        let events: [DeliveryID: Envelope]
        do {
            events = try await database.read("log.read") { tx in
                try EventLogStore.read(ids, topic: topicID, name: membership.topic.text, in: tx)
            }
        } catch {
            try redeliver(ids, by: member.id, after: .zero)
            throw error
        }
        var deliveries: [Delivery] = []
        var bytes = 0
        for (index, dispatch) in dispatches.enumerated() {
            guard let event = events[dispatch.id] else {
                try acknowledge([dispatch.id], by: member.id)
                continue
            }
            bytes += event.body.count
            guard bytes <= limits.deliveryBytes || deliveries.isEmpty else {
                try redeliver(dispatches[index...].map(\.id), by: member.id, after: .zero)
                break
            }
            deliveries.append(Delivery(id: dispatch.id, event: event, attempt: dispatch.attempt))
        }
        return deliveries
    }

    // MARK: Topics

    func prepare(_ names: [ExactText]) async throws -> [ExactText: EventLogState.Topic] {
        let missing = state.withLock { state in names.filter { state.topics[$0] == nil } }
        guard missing.allSatisfy({ TopicName.isValid($0.text) }) else {
            throw Fault(.invalidArgument, .invalidRequest, "a topic must be \(TopicName.rule)", field: "topic")
        }
        if let unknown = missing.first, !limits.acceptsUndeclared { throw Fault.unknownTopic(unknown.text) }
        if !missing.isEmpty {
            let partitions = limits.partitions
            let made = try await database.transaction("log.topics") { tx in
                var made: [EventLogStore.Topic] = []
                for name in missing {
                    made.append(try EventLogStore.makeTopic(name.text, partitions: partitions, in: tx))
                }
                return made
            }
            state.withLock { state in
                for topic in made { state.add(topic) }
            }
        }
        return state.withLock { state in
            Dictionary(uniqueKeysWithValues: names.compactMap { name in state.topics[name].map { (name, $0) } })
        }
    }

    private struct Batch: Sendable {
        let topic: ExactText
        let topicID: Int
        let partition: Int
        var events: [Envelope]
    }

    /// The events by partition, in order within each.
    private static func batches(_ events: [Envelope], _ topics: [ExactText: EventLogState.Topic]) -> [Batch] {
        var batches: [Batch] = []
        var indices: [[Int]: Int] = [:]
        for event in events {
            let name = ExactText(event.topic)
            guard let topic = topics[name] else { continue }
            let partition = Partitioning.partition(of: event.key, among: topic.heads.count)
            let place = [topic.id, partition]
            if let index = indices[place] {
                batches[index].events.append(event)
            } else {
                indices[place] = batches.count
                batches.append(Batch(topic: name, topicID: topic.id, partition: partition, events: [event]))
            }
        }
        return batches
    }

    // MARK: Background work

    /// Writes acknowledgements and removes old events until its task is cancelled.
    ///
    /// - Throws: `CancellationError`, after a last write.
    public func run() async throws {
        var nextPurge = time.now + limits.purgeInterval
        // The topic at which a purge continues that has not ended.
        var nextTopic: ExactText?
        var alarmed: Set<[ExactText]> = []
        do {
            while true {
                // Between two parts of a long purge acknowledgements are written, too.
                try await time.sleep(for: limits.flushInterval)
                try await attempt("writing acknowledgements failed, will retry") { try await flush() }
                try await attempt("reading the log's heads failed, will retry") { try await catchUp() }
                guard nextPurge <= time.now else { continue }
                try await attempt("observing the groups failed, will retry") { try await observe(&alarmed) }
                var rest: ExactText?
                try await attempt("removing old events failed, will retry") {
                    rest = try await purge(from: nextTopic, batchesLimit: Self.purgeBatches)
                }
                nextTopic = rest
                if rest == nil { nextPurge = time.now + limits.purgeInterval }
            }
        } catch {
            // Unwritten acknowledgements lead to redeliveries: a failure here costs nothing else.
            try? await flush()
            throw error
        }
    }

    func attempt(_ failure: Logger.Message, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            Logger.current.warning(failure, metadata: ["error": "\(Fault(describing: error).message)"])
        }
    }

    /// Makes the events available that publications with an unknown outcome have stored.
    func catchUp() async throws {
        guard state.withLock({ $0.isBehind }) else { return }
        state.withLock { $0.isBehind = false }
        do {
            let topics = try await database.read("log.heads") { tx in try EventLogStore.topics(in: tx) }
            let signals = state.withLock { state in
                state.published(
                    topics.flatMap { topic in
                        topic.heads.enumerated().map { (ExactText(topic.name), $0.offset, $0.element) }
                    }
                )
            }
            for signal in signals { signal.raise() }
        } catch {
            state.withLock { $0.isBehind = true }
            throw error
        }
    }

    /// Writes the pending acknowledgements.
    func flush() async throws {
        let progress = state.withLock { state in
            let progress = state.takeUnwritten()
            state.isFlushing = !progress.isEmpty
            return progress
        }
        guard !progress.isEmpty else { return }
        do {
            try await database.transaction("log.acknowledge") { tx in try EventLogStore.write(progress, in: tx) }
            state.withLock { $0.isFlushing = false }
        } catch {
            state.withLock { state in
                state.restore(progress)
                state.isFlushing = false
            }
            throw error
        }
        crashPoint("eventlog.acknowledged")
    }
}

extension Fault {
    init(_ code: FaultCode, _ refusal: PublishRefusal) { self.init(code, refusal.reason, refusal.message) }

    /// The membership has ended: join again.
    static var leftGroup: Fault { Fault(.unavailable, .unavailable, "this member has left its group") }

    static func unknownTopic(_ name: String) -> Fault {
        Fault(
            .failedPrecondition,
            "eventlog.unknown_topic",
            "the topic \(name) is not declared: no running service publishes on it or consumes it"
        )
    }

    static func unknownGroup(_ name: String, of topic: String) -> Fault {
        Fault(.failedPrecondition, "eventlog.unknown_group", "the group \(name) of the topic \(topic) is not declared")
    }

    static var unknownMember: Fault { Fault(.notFound, .unknownMember, "the membership has ended") }
}

extension Reason {
    /// The log does not know the member, or not any more: join again.
    static let unknownMember: Reason = "eventlog.unknown_member"
}
