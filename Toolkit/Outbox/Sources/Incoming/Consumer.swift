import Logging
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry

/// The receive loop of one group member: receives a batch, handles it in one transaction, acknowledges or redelivers.
///
/// When one event of a batch fails, its key is deferred and the other events are handled without delay. While the
/// database is unavailable, the batch stays in memory: events that are redelivered by the bus lose their order.
struct Consumer {
    /// Delays are rounded up to a multiple of this: deliveries with equal delays are redelivered in one call.
    static let delayStep = Duration.milliseconds(10)

    private let inbox: Inbox
    private let metrics: InboxMetrics
    private let member: any GroupMember
    private let database: any SQLDatabase
    private let runtime: Runtime
    private let limits: SubscriptionRunner.Limits
    private let attempts: MarkedAttempts
    /// Passed on to the consumer of the next membership.
    private(set) var keyFailures: KeyFailures
    /// Received and not handled, because the database was unavailable.
    private var pending: [Delivery] = []
    /// How often in a row the database was unavailable.
    private var interruptions = 0

    /// The outcome of one batch, to be reported to the bus.
    private struct Round {
        var acknowledged: [DeliveryID] = []
        var redelivered: [Duration: [DeliveryID]] = [:]
        /// One delay for all events of a key with a gap, so that they are redelivered in order.
        var gapDelays: [KeyFailures.Key: Duration] = [:]

        mutating func redeliver(_ delivery: Delivery, after delay: Duration) {
            let step = Consumer.delayStep.nanosecondsClamped
            let steps = (max(delay, .zero).nanosecondsClamped + step - 1) / step
            redelivered[.nanoseconds(steps * step), default: []].append(delivery.id)
        }
    }

    init(
        subscription: Subscription,
        member: any GroupMember,
        database: any SQLDatabase,
        runtime: Runtime,
        limits: SubscriptionRunner.Limits,
        keyFailures: KeyFailures,
        group: GroupBeginning?,
        joined: Timestamp? = nil,
        attempts: MarkedAttempts = MarkedAttempts(in: InboxProcess(instance: ""), boot: "")
    ) {
        inbox = Inbox(subscription, group: group, joined: joined)
        metrics = InboxMetrics(subscription, in: .current)
        self.member = member
        self.database = database
        self.runtime = runtime
        self.limits = limits
        self.keyFailures = keyFailures
        self.attempts = attempts
    }

    private var groupMetadata: Logger.Metadata {
        ["topic": "\(inbox.subscription.topic)", "group": "\(inbox.subscription.group)"]
    }

    /// Receives some events and handles them.
    ///
    /// - Throws: What the bus throws; failures of the database are logged, and the events are retried.
    mutating func step() async throws {
        let round = try await handle(try await next())
        if !round.acknowledged.isEmpty {
            try await member.acknowledge(round.acknowledged)
            crashPoint("inbox.acknowledged")
        }
        for (delay, ids) in round.redelivered.sorted(by: { $0.key < $1.key }) {
            try await member.redeliver(ids, after: delay)
        }
    }

    /// The pending deliveries, after a delay; otherwise new ones from the bus.
    private mutating func next() async throws -> [Delivery] {
        guard pending.isEmpty else {
            let backoff = Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax)
            try await runtime.time.sleep(for: backoff.delay(after: interruptions, runtime.entropy))
            defer { pending = [] }
            return pending
        }
        let deliveries = try await member.receive(limit: limits.batch)
        crashPoint("inbox.received")
        return deliveries
    }

    private mutating func handle(_ deliveries: [Delivery]) async throws -> Round {
        var round = Round()
        var remaining: [[Delivery]] = [deliveries]
        while var batch = remaining.popLast() {
            do {
                batch = try await deferBlocked(batch, &round)
                guard !batch.isEmpty else { continue }
                do {
                    let single = try await take(batch, &round)
                    remaining += single
                    interruptions = 0
                } catch let failure as HandlerFailure {
                    try await recordFailure(of: batch[failure.index], failure, &round)
                    remaining.append(batch.filter { $0.id != batch[failure.index].id })
                } catch  where HandlerFailure.isOfBatch(error, events: batch.count) {
                    // Thrown at the end of the transaction: the failing event is unknown, so each is handled alone.
                    if batch.count > 1 {
                        remaining += batch.reversed().map { [$0] }
                    } else {
                        try await recordFailure(of: batch[0], HandlerFailure(error, index: 0), &round)
                    }
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch  where HandlerFailure.isTransient(error) {
                postpone(batch + remaining.reversed().flatMap { $0 }, error)
                break
            }
        }
        return round
    }

    /// Redelivers the events that a failing event of their key blocks; returns the others.
    ///
    /// - Throws: What the database throws; then none of the batch is redelivered.
    private func deferBlocked(_ batch: [Delivery], _ round: inout Round) async throws -> [Delivery] {
        let (inbox, now) = (inbox, runtime.time.now)
        let behind = batch.map(\.event).filter { event in
            keyFailures.blocking(event, at: now).map { $0.position < EventNumber(event) } ?? false
        }
        if !behind.isEmpty {
            try await database.transaction("inbox.wait") { tx in
                for event in behind { try inbox.wait(at: event, in: tx) }
            }
        }
        var ready: [Delivery] = []
        for delivery in batch {
            if let failure = keyFailures.blocking(delivery.event, at: now) {
                // The failing event is redelivered first.
                let isBehind = failure.position < EventNumber(delivery.event)
                round.redeliver(delivery, after: failure.retryAt - now + (isBehind ? limits.gapDelayMin : .zero))
            } else {
                ready.append(delivery)
            }
        }
        return ready
    }

    /// Processes a batch, or the only event of it alone and behind a marker: when the process before may have been ended
    /// by a handler, and when the event has a marker.
    ///
    /// - Returns: The events of the batch one by one, when they have to be taken in this way; otherwise none.
    private mutating func take(_ batch: [Delivery], _ round: inout Round) async throws -> [[Delivery]] {
        if !attempts.takesOneByOne(at: runtime.time.now) {
            do {
                try await process(batch, passesMarkers: false, &round)
                return []
            } catch is EventIsMarked {}
        }
        guard batch.count == 1 else { return batch.reversed().map { [$0] } }
        try await attempt(batch[0], &round)
        return []
    }

    /// Processes one event behind a committed marker: if its handler ends the process, a later process finds it.
    private mutating func attempt(_ delivery: Delivery, _ round: inout Round) async throws {
        let place = try await attempts.enter()
        defer { attempts.leave(place) }
        let (inbox, event, holder, limits) = (inbox, delivery.event, attempts.holder, limits)
        let marking = try await database.transaction("inbox.mark") { tx in
            try inbox.mark(event, by: holder, limits: limits, in: tx)
        }
        switch marking {
        case .marked:
            crashPoint("inbox.marked")
            try await process([delivery], passesMarkers: true, &round)
        case .decided(let decision):
            finish(delivery, decision, in: &round)
        case .parked:
            metrics.countEndedProcess()
            Logger.current.error(
                "the handler of an event has ended the process, it was parked, its key waits for an operator",
                metadata: metadata(of: event)
            )
            finish(delivery, .enqueue, in: &round)
        case .nothing:
            break
        }
    }

    /// Processes the whole batch in one transaction.
    ///
    /// - Throws: ``EventIsMarked`` when one of its events has a marker that it must not pass; nothing is stored then.
    private mutating func process(
        _ batch: [Delivery],
        passesMarkers: Bool,
        _ round: inout Round
    ) async throws {
        let events = batch.map(\.event)
        let decisions: [InboxDecision]
        if let spans = HandlingSpans(events, of: inbox.subscription) {
            decisions = try await spans.decide(on: events) {
                try await decide(on: events, spans, passesMarkers: passesMarkers)
            }
        } else {
            decisions = try await decide(on: events, nil, passesMarkers: passesMarkers)
        }
        for (delivery, decision) in zip(batch, decisions) { finish(delivery, decision, in: &round) }
    }

    private func decide(
        on events: [Envelope],
        _ spans: HandlingSpans?,
        passesMarkers: Bool
    ) async throws -> [InboxDecision] {
        let (inbox, patience) = (inbox.recording(spans), limits.gapPatience)
        let options = SQLOptions(locks: try await inbox.subscription.lockNames(of: events, on: database))
        let decisions = try await database.transaction("inbox.take", options: options) { tx in
            var decisions: [InboxDecision] = []
            for (index, event) in events.enumerated() {
                do {
                    decisions.append(
                        try inbox.process(event, patience: patience, passesMarkers: passesMarkers, in: tx)
                    )
                } catch let marked as EventIsMarked {
                    throw marked
                } catch {
                    throw HandlerFailure.wrapping(error, index: index)
                }
            }
            return decisions
        }
        crashPoint("inbox.committed")
        return decisions
    }

    private mutating func finish(_ delivery: Delivery, _ decision: InboxDecision, in round: inout Round) {
        metrics.count(decision)
        let event = delivery.event
        guard !decision.isDone else {
            switch decision {
            case .late: Logger.current.error("a late event waits for an operator", metadata: metadata(of: event))
            case .before: break
            default: keyFailures.advanced(to: event)
            }
            round.acknowledged.append(delivery.id)
            return
        }
        let delay =
            round.gapDelays[KeyFailures.Key(event)]
            ?? Backoff(initial: limits.gapDelayMin, maximum: limits.retryDelayMax).delay(
                after: delivery.attempt,
                runtime.entropy
            )
        round.gapDelays[KeyFailures.Key(event)] = delay
        round.redeliver(delivery, after: delay)
    }

    private func metadata(of event: Envelope) -> Logger.Metadata {
        groupMetadata.merging([
            "key": "\(event.key)", "epoch": "\(event.epoch)", "sequence": "\(event.sequence)",
        ]) { $1 }
    }

    /// Counts a failed attempt: the event is redelivered after a delay, or parked after the last attempt.
    ///
    /// - Throws: What the database throws; the attempt is counted nevertheless.
    private mutating func recordFailure(
        of delivery: Delivery,
        _ failure: HandlerFailure,
        _ round: inout Round
    ) async throws {
        let (inbox, event, now, limits, entropy) = (inbox, delivery.event, runtime.time.now, limits, runtime.entropy)
        let holder = attempts.holder
        let state = keyFailures.failed(delivery, at: now) { attempts in
            Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax).delay(after: attempts, entropy)
        }
        metrics.countFailedAttempt()
        let attempt = ["attempt": "\(state.attempts)", "error.type": "\(failure.kind)"] as Logger.Metadata
        let metadata = metadata(of: event).merging(attempt) { $1 }
        guard state.attempts >= limits.attempts else {
            Logger.current.warning("handling an event failed, will retry", metadata: metadata)
            // Another member may receive a later event of the key meanwhile and must not continue with it.
            try await database.transaction("inbox.wait") { tx in
                try inbox.wait(at: event, in: tx)
                try inbox.releaseMarker(of: event, by: holder, in: tx)
            }
            return round.redeliver(delivery, after: state.retryAt - now)
        }
        let decision = try await database.transaction("inbox.park") { tx in
            try inbox.park(
                event,
                error: failure.text,
                attempts: state.attempts,
                in: tx
            )
        }
        crashPoint("inbox.parked")
        Logger.current.error("an event was parked, its key waits for an operator", metadata: metadata)
        finish(delivery, decision, in: &round)
    }

    /// Retains the batch for a retry while the database is unavailable; no attempt is counted.
    private mutating func postpone(_ batch: [Delivery], _ error: any Error) {
        Logger.current.warning(
            "processing a batch failed, will retry",
            metadata: groupMetadata.merging(["error": "\(Fault(describing: error).message)"]) { $1 }
        )
        pending = batch
        interruptions += 1
    }
}
