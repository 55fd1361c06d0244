import Logging
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry

/// One member at work: receives, takes a batch in one transaction, tells the bus.
///
/// When one event of a batch fails, its key is set aside and the others are taken without it, so that it delays nobody. When
/// the database is away, the batch is kept until it is back: what went to the bus and came again would have lost its order.
struct Consumer {
    /// Pauses are rounded up to a multiple of this: deliveries of one pause are given back in one call.
    static let pauseStep = Duration.milliseconds(10)

    private let inbox: Inbox
    private let metrics: InboxMetrics
    private let member: any GroupMember
    private let database: any SQLDatabase
    private let time: any TimeSource
    private let entropy: any Entropy
    private let limits: SubscriptionRunner.Limits
    /// What outlives this membership.
    private(set) var troubles: KeyTroubles
    /// Received, and not taken because the database was away.
    private var held: [Delivery] = []
    /// How often in a row it was.
    private var interruptions = 0

    /// What the bus is to be told of one round.
    private struct Round {
        var done: [DeliveryID] = []
        var back: [Duration: [DeliveryID]] = [:]
        /// Of the keys with a gap: one for all their events, so that these come again in order.
        var gapPauses: [KeyTroubles.Key: Duration] = [:]

        mutating func giveBack(_ delivery: Delivery, after pause: Duration) {
            let step = Consumer.pauseStep.nanosecondsClamped
            let steps = (max(pause, .zero).nanosecondsClamped + step - 1) / step
            back[.nanoseconds(steps * step), default: []].append(delivery.id)
        }
    }

    init(
        subscription: Subscription,
        member: any GroupMember,
        database: any SQLDatabase,
        time: any TimeSource,
        entropy: any Entropy,
        limits: SubscriptionRunner.Limits,
        troubles: KeyTroubles
    ) {
        inbox = Inbox(subscription)
        metrics = InboxMetrics(subscription, in: .current)
        self.member = member
        self.database = database
        self.time = time
        self.entropy = entropy
        self.limits = limits
        self.troubles = troubles
    }

    private var log: Logger.Metadata {
        ["topic": "\(inbox.subscription.topic)", "group": "\(inbox.subscription.group)"]
    }

    /// Receives some events and handles them.
    ///
    /// - Throws: What the bus throws; failures of the database are logged, and the events given back.
    mutating func step() async throws {
        let round = try await handle(try await next())
        if !round.done.isEmpty {
            try await member.acknowledge(round.done)
            crashPoint("inbox.acknowledged")
        }
        for (pause, ids) in round.back.sorted(by: { $0.key < $1.key }) {
            try await member.giveBack(ids, after: pause)
        }
    }

    /// What is held, after its pause; otherwise what the bus has.
    private mutating func next() async throws -> [Delivery] {
        guard held.isEmpty else {
            let pause = Backoff(least: limits.leastPause, most: limits.mostPause).pause(after: interruptions, entropy)
            try await time.sleep(for: pause)
            defer { held = [] }
            return held
        }
        let deliveries = try await member.receive(limit: limits.batch)
        crashPoint("inbox.received")
        return deliveries
    }

    private mutating func handle(_ deliveries: [Delivery]) async throws -> Round {
        var round = Round()
        var waiting: [[Delivery]] = [deliveries]
        while let batch = waiting.popLast() {
            let batch = setAside(batch, &round)
            guard !batch.isEmpty else { continue }
            do {
                do {
                    try await take(batch, &round)
                    interruptions = 0
                } catch let failure as EffectFailure {
                    try await failed(batch[failure.index], failure, &round)
                    waiting.append(batch.filter { $0.id != batch[failure.index].id })
                } catch  where !EffectFailure.isPassing(error) {
                    // The failure belongs to the transaction's end: nobody knows whose it is, so each is tried alone.
                    if batch.count > 1 {
                        waiting += batch.reversed().map { [$0] }
                    } else {
                        try await failed(batch[0], EffectFailure(error, index: 0), &round)
                    }
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch  where EffectFailure.isPassing(error) {
                hold(batch + waiting.reversed().flatMap { $0 }, error)
                break
            }
        }
        return round
    }

    /// Gives back what waits for a failing event of its key.
    private mutating func setAside(_ batch: [Delivery], _ round: inout Round) -> [Delivery] {
        let now = time.now
        var free: [Delivery] = []
        for delivery in batch {
            if let failure = troubles.blocking(delivery.event, at: now) {
                // The failing one comes first.
                let isBehind = failure.place < KeyTroubles.Place(delivery.event)
                round.giveBack(delivery, after: failure.retryAt - now + (isBehind ? limits.leastGapPause : .zero))
            } else {
                free.append(delivery)
            }
        }
        return free
    }

    /// Takes the whole batch in one transaction.
    private mutating func take(_ batch: [Delivery], _ round: inout Round) async throws {
        let (inbox, now) = (inbox, time.now)
        let events = batch.map { delivery in
            let event = delivery.event
            return (event, troubles.isOverdue(event, at: now, patience: limits.gapPatience))
        }
        let verdicts = try await database.transaction("inbox.take") { tx in
            var verdicts: [InboxVerdict] = []
            for (index, (event, acceptingBase)) in events.enumerated() {
                do {
                    verdicts.append(try inbox.take(event, acceptingBase: acceptingBase, in: tx))
                } catch {
                    throw EffectFailure.wrapping(error, index: index)
                }
            }
            return verdicts
        }
        crashPoint("inbox.committed")
        for (delivery, verdict) in zip(batch, verdicts) { settle(delivery, verdict, &round) }
    }

    private mutating func settle(_ delivery: Delivery, _ verdict: InboxVerdict, _ round: inout Round) {
        metrics.settled(verdict)
        let event = delivery.event
        guard !verdict.isDone else {
            if verdict == .stale {
                Logger.current.warning("an event of an ended epoch came late and is dropped", metadata: facts(event))
            } else {
                troubles.passed(event)
            }
            round.done.append(delivery.id)
            return
        }
        let open = troubles.gap(before: event, at: time.now)
        let pause =
            round.gapPauses[KeyTroubles.Key(event)]
            ?? Backoff(least: limits.leastGapPause, most: limits.mostPause).pause(after: delivery.attempt, entropy)
        round.gapPauses[KeyTroubles.Key(event)] = pause
        round.giveBack(delivery, after: pause)
        if open >= limits.gapPatience {
            Logger.current.error(
                "an event of this key does not arrive, later ones wait",
                metadata: facts(event)
            )
        }
    }

    private func facts(_ event: Envelope) -> Logger.Metadata {
        log.merging(["key": "\(event.key)", "epoch": "\(event.epoch)", "sequence": "\(event.sequence)"]) { $1 }
    }

    /// One more failed try: the event comes again after a pause, or is parked.
    ///
    /// - Throws: What the database throws; the try is not forgotten then.
    private mutating func failed(
        _ delivery: Delivery,
        _ failure: EffectFailure,
        _ round: inout Round
    ) async throws {
        let (inbox, event, now, limits, entropy) = (inbox, delivery.event, time.now, limits, entropy)
        let acceptingBase = troubles.isOverdue(event, at: now, patience: limits.gapPatience)
        let trouble = troubles.failed(delivery, at: now) { attempts in
            Backoff(least: limits.leastPause, most: limits.mostPause).pause(after: attempts, entropy)
        }
        metrics.tried()
        let facts = facts(event).merging(["attempt": "\(trouble.attempts)", "error.type": "\(failure.kind)"]) { $1 }
        guard trouble.attempts >= limits.attempts else {
            Logger.current.warning("handling an event failed, will retry", metadata: facts)
            if inbox.subscription.start == .latest {
                // Whoever gets a later event of the key meanwhile must not begin with it.
                try await database.transaction("inbox.begin") { tx in try inbox.begin(at: event, in: tx) }
            }
            return round.giveBack(delivery, after: trouble.retryAt - now)
        }
        let verdict = try await database.transaction("inbox.park") { tx in
            try inbox.park(
                event,
                error: failure.text,
                attempts: trouble.attempts,
                acceptingBase: acceptingBase,
                in: tx
            )
        }
        crashPoint("inbox.parked")
        Logger.current.error("an event was parked, its key waits for an operator", metadata: facts)
        settle(delivery, verdict, &round)
    }

    /// The database is away: everything is tried again a little later, and nothing is counted.
    private mutating func hold(_ batch: [Delivery], _ error: any Error) {
        Logger.current.warning(
            "taking events failed, will retry",
            metadata: log.merging(["error": "\(Fault(describing: error).message)"]) { $1 }
        )
        held = batch
        interruptions += 1
    }
}
