import Logging
package import MartletCore
package import MartletMessaging
package import MartletSQL
import MartletTelemetry

/// Runs a service's subscriptions: handles events in order per key and once each, parks keys that keep failing, and
/// redrives keys that an operator selects.
public struct SubscriptionRunner: Sendable {
    /// A consumer's batch size, attempts, delays and intervals.
    public struct Limits: Sendable {
        /// Events of one transaction.
        ///
        /// At least 1.
        public var batch = 32
        /// Failed attempts after which an event is parked.
        ///
        /// At least 1.
        public var attempts = 5
        /// Delay before the first retry of an event; at most `retryDelayMax`.
        public var retryDelayMin = Duration.milliseconds(100)
        public var retryDelayMax = Duration.seconds(5)
        /// Delay before the first redelivery of an event behind a gap; at most `retryDelayMax`.
        public var gapDelayMin = Duration.milliseconds(20)
        /// How long events wait for a missing one of their key.
        ///
        /// After that the key is parked until the event comes or an operator skips it. Counted by the database's clock,
        /// across restarts.
        public var gapPatience = Duration.seconds(300)
        /// Between two polls for keys to redrive.
        public var redriveInterval = Duration.milliseconds(500)
        /// How long events are taken one by one after the process before did not end in order.
        ///
        /// Longer than the log needs to redeliver what that process held. Meanwhile each event costs a commit of its own and
        /// one more.
        public var suspicionWindow = Duration.seconds(60)
        /// How long the marker of an attempt counts as held by a living process, by the database's clock.
        ///
        /// A running attempt renews it.
        public var attemptLease = Duration.seconds(30)
        /// Between two renewals; less than `attemptLease`.
        public var attemptRenewal = Duration.seconds(10)

        public init() {}
    }

    /// Maximum keys of one redrive poll.
    private static let redriveBatch = 100

    private let subscriptions: [Subscription]
    private let database: any SQLDatabase
    private let bus: any MessageBus
    private let runtime: Runtime
    private let limits: Limits
    private let attempts: MarkedAttempts

    /// - Parameter process: The process that it runs in, with the other services of that process.
    package init(
        _ subscriptions: [Subscription],
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        limits: Limits = Limits(),
        process: InboxProcess = InboxProcess(instance: "")
    ) {
        precondition(limits.batch >= 1 && limits.attempts >= 1)
        precondition(subscriptions.allSatisfy { $0.start != .again }, "a subscription goes back at each start")
        precondition(max(limits.retryDelayMin, limits.gapDelayMin) <= limits.retryDelayMax)
        precondition(limits.attemptRenewal < limits.attemptLease)
        precondition(
            Set(subscriptions.map { [ExactText($0.topic), ExactText($0.group)] }).count == subscriptions.count,
            "two subscriptions of one group to one topic: each would miss what the other receives"
        )
        self.subscriptions = subscriptions
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.limits = limits
        attempts = MarkedAttempts(in: process, boot: ExactText("\(runtime.identifier())"))
    }

    /// Consumes until its task is cancelled.
    ///
    /// Failures of the bus and of the database are logged and retried.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        guard !subscriptions.isEmpty else { return try Task.checkCancellation() }
        try await start()
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for subscription in subscriptions {
                    group.addTask { try await consume(subscription) }
                }
                group.addTask { try await redrive() }
                group.addTask { try await keepMarkers() }
            }
        } catch {
            await attempts.end(on: database)
            throw error
        }
        try Task.checkCancellation()
    }

    // MARK: The process

    /// Registers the process, before it handles anything.
    func start() async throws {
        var failures = 0
        while true {
            do {
                try await attempts.start(on: database, window: limits.suspicionWindow, runtime.time)
                break
            } catch  where error is CancellationError || Task.isCancelled {
                throw CancellationError()
            } catch {
                failures += 1
                let backoff = Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax)
                let delay = backoff.delay(after: failures, runtime.entropy)
                Logger.current.warning(
                    "registering the process for events failed, will retry",
                    metadata: ["error": "\(Fault(describing: error).message)", "retry.in": "\(delay)"]
                )
                try await runtime.time.sleep(for: delay)
            }
        }
        guard measureSuspicion() else { return }
        Logger.current.notice(
            "the process before did not end in order: events are taken one by one for a while",
            metadata: ["for": "\(limits.suspicionWindow)"]
        )
    }

    /// Renews the marker of a running attempt, and releases those that no attempt holds.
    private func keepMarkers() async throws {
        while true {
            try await runtime.time.sleep(for: limits.attemptRenewal)
            measureSuspicion()
            do {
                try await attempts.keep(on: database, lease: limits.attemptLease)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                Logger.current.warning(
                    "renewing the markers of events failed, will retry",
                    metadata: [
                        "error": "\(Fault(describing: error).message)", "retry.in": "\(limits.attemptRenewal)",
                    ]
                )
            }
        }
    }

    /// - Returns: Whether events are taken one by one.
    @discardableResult
    private func measureSuspicion() -> Bool {
        let isActive = attempts.takesOneByOne(at: runtime.time.now)
        // Resolved: once for each look at the attempts, not for each event.
        MetricsRegistry.current.gauge(
            "martlet_inbox_one_by_one",
            help: "1 while events are taken one by one, since the process before did not end in order."
        ).set(isActive ? 1 : 0)
        return isActive
    }

    // MARK: Consuming

    private func consume(_ subscription: Subscription) async throws {
        var failures = 0
        var keyFailures = KeyFailures()
        while true {
            do {
                let (member, group, joined) = try await join(subscription)
                var consumer = Consumer(
                    subscription: subscription,
                    member: member,
                    database: database,
                    runtime: runtime,
                    limits: limits,
                    keyFailures: keyFailures,
                    group: group,
                    joined: joined,
                    attempts: attempts
                )
                do {
                    while true {
                        try await consumer.step()
                        failures = 0
                    }
                } catch {
                    keyFailures = consumer.keyFailures
                    await member.leave()
                    throw error
                }
            } catch  where error is CancellationError || Task.isCancelled {
                throw CancellationError()
            } catch {
                failures += 1
                let backoff = Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax)
                let delay = backoff.delay(after: failures, runtime.entropy)
                Logger.current.warning(
                    "consuming events was interrupted, will join again",
                    metadata: [
                        "topic": "\(subscription.topic)", "group": "\(subscription.group)",
                        "error": "\(Fault(describing: error).message)", "retry.in": "\(delay)",
                    ]
                )
                try await runtime.time.sleep(for: delay)
            }
        }
    }

    /// Joins the group.
    ///
    /// One that has begun joins with the earliest event, also when the bus has forgotten it. After a restore of the
    /// database it goes back to the oldest event that the bus holds: it has forgotten what it acknowledged. What the bus has
    /// removed of the group is stored in the database.
    ///
    /// - Returns: The member, when its group began, and when it joined by the database's clock.
    private func join(
        _ subscription: Subscription
    ) async throws -> (any GroupMember, GroupBeginning, joined: Timestamp) {
        let (isKnown, rewound, restore) = try await database.read("inbox.group") { tx in
            let isKnown = try GroupRows.beginning(of: subscription, in: tx) != nil
            return (isKnown, try GroupRows.rewound(subscription, in: tx), try Restores.last(in: tx))
        }
        let start: GroupStart = rewound < restore ? .again : isKnown ? .earliest : subscription.start
        try await bus.declare(subscription.declaration)
        let member = try await bus.join(topic: subscription.topic, group: subscription.group, start: start)
        do {
            // After the join: what is published between the two is counted as before the beginning.
            let (group, joined) = try await database.transaction("inbox.begin") { tx in
                let group = try GroupRows.begin(subscription, isWhole: member.isWhole, in: tx)
                if rewound < restore { try GroupRows.goBack(subscription, after: restore, in: tx) }
                try InboxLosses.store(member.losses, of: subscription, in: tx)
                return try (group, tx.date)
            }
            try await acknowledgeLosses(of: member, subscription)
            return (member, group, joined)
        } catch {
            await member.leave()
            throw error
        }
    }

    /// The losses of a joined group are stored: the bus need not keep them.
    private func acknowledgeLosses(of member: any GroupMember, _ subscription: Subscription) async throws {
        guard !member.losses.isEmpty else { return }
        Logger.current.error(
            "the broker has removed events that the group had not acknowledged, an operator confirms the loss",
            metadata: [
                "topic": "\(subscription.topic)", "group": "\(subscription.group)",
                "events": "\(member.losses.reduce(0) { $0 + $1.events })",
            ]
        )
        try await member.acknowledge(losses: member.losses)
    }

    // MARK: Redrive

    private func redrive() async throws {
        while true {
            try await loggingFailures([:]) { try await redriveRequested() }
            try await runtime.time.sleep(for: limits.redriveInterval)
        }
    }

    /// Logs a failure of `body`: the next poll finds the remaining keys.
    private func loggingFailures(_ metadata: Logger.Metadata, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            Logger.current.warning(
                "redriving parked events was interrupted, will retry",
                metadata: metadata.merging(["error": "\(Fault(describing: error).message)"]) { $1 }
            )
        }
    }

    /// Redrives the late events and the keys that an operator has selected: read at once, since the poll usually finds none.
    func redriveRequested() async throws {
        let (messages, keys) = try await database.read("inbox.redriving") { tx in
            let messages = try LateEvents.redriving(limit: Self.redriveBatch, in: tx)
            return (messages, try ParkedMessages.redriving(limit: Self.redriveBatch, in: tx))
        }
        for message in messages {
            let late = [ExactText(message.event.topic), ExactText(message.group)]
            let found = subscriptions.first { [ExactText($0.topic), ExactText($0.group)] == late }
            guard let subscription = found else { continue }
            try await loggingFailures(["topic": "\(message.event.topic)", "group": "\(message.group)"]) {
                try await redrive(message, of: subscription)
            }
        }
        for key in keys {
            let parked = [ExactText(key.topic), ExactText(key.group)]
            let found = subscriptions.first { [ExactText($0.topic), ExactText($0.group)] == parked }
            guard let subscription = found else { continue }
            // A failure with one key must not block the others.
            try await loggingFailures(["topic": "\(key.topic)", "group": "\(key.group)", "key": "\(key.key)"]) {
                try await redrive(key.key, of: subscription)
            }
        }
    }

    /// Handles a late event behind a marker; when its handler fails, or ends the process again, it waits for an operator
    /// again.
    private func redrive(_ message: LateMessage, of subscription: Subscription) async throws {
        let place = try await attempts.enter()
        defer { attempts.leave(place) }
        let (inbox, holder, limits) = (Inbox(subscription), attempts.holder, limits)
        let metadata: Logger.Metadata = ["topic": "\(subscription.topic)", "group": "\(subscription.group)"]
        let marking = try await database.transaction("inbox.mark") { tx in
            try inbox.markLate(message, by: holder, limits: limits, in: tx)
        }
        if marking == .parked {
            Logger.current.error(
                "the handler of a late event has ended the process, it waits for an operator again",
                metadata: metadata
            )
        }
        guard marking == .marked else { return }
        crashPoint("inbox.marked")
        do {
            try await HandlingSpans.redriving(message.event, of: subscription) { spans in
                let recorded = inbox.recording(spans)
                try await handling {
                    try await database.transaction("inbox.redriveLate") { tx in
                        try recorded.redriveLate(message, in: tx)
                    }
                }
            }
            crashPoint("inbox.redriven")
        } catch let failure as HandlerFailure {
            Logger.current.warning(
                "a late event failed and waits for an operator again",
                metadata: metadata.merging(["error.type": "\(failure.kind)"]) { $1 }
            )
            try await database.transaction("inbox.lateFailed") { tx in
                try LateEvents.fail(message, error: failure.text, in: tx)
                try inbox.releaseMarker(of: message.event, by: holder, in: tx)
            }
        }
    }

    /// Handles the parked events of a key one by one, until none is left or one fails again.
    private func redrive(_ key: String, of subscription: Subscription) async throws {
        let group = try await database.read("inbox.group") { tx in try GroupRows.beginning(of: subscription, in: tx) }
        let inbox = Inbox(subscription, group: group)
        do {
            var more = true
            while more {
                more = try await redriveOne(key, inbox)
                crashPoint("inbox.redriven")
            }
        } catch let failure as HandlerFailure {
            Logger.current.warning(
                "a parked event failed again and stays parked",
                metadata: [
                    "topic": "\(subscription.topic)", "group": "\(subscription.group)", "key": "\(key)",
                    "error.type": "\(failure.kind)",
                ]
            )
            let holder = attempts.holder
            try await database.transaction("inbox.reparked") { tx in
                try inbox.stopRedrive(of: key, error: failure.text, attempts: 1, releasing: holder, in: tx)
            }
        }
    }

    /// Handles the first parked event of a key behind a marker.
    ///
    /// - Returns: False when nothing is left to redrive for now.
    private func redriveOne(_ key: String, _ inbox: Inbox) async throws -> Bool {
        let place = try await attempts.enter()
        defer { attempts.leave(place) }
        let (holder, limits) = (attempts.holder, limits)
        let isRecording = ServiceTracer.current != nil
        let (marking, first) = try await database.transaction("inbox.mark") { tx in
            let marking = try inbox.markFirst(of: key, by: holder, limits: limits, in: tx)
            // For its span alone: who edits or drops it meanwhile is not held up.
            return (marking, try isRecording ? inbox.firstParked(of: key, in: tx) : nil)
        }
        if marking == .parked {
            Logger.current.error(
                "the handler of a parked event has ended the process again, it stays parked",
                metadata: [
                    "topic": "\(inbox.subscription.topic)", "group": "\(inbox.subscription.group)", "key": "\(key)",
                ]
            )
        }
        guard marking == .marked else { return false }
        crashPoint("inbox.marked")
        return try await HandlingSpans.redriving(first, of: inbox.subscription) { spans in
            try await redriveMarked(key, inbox.recording(spans))
        }
    }

    /// Handles the first parked event of a key, which has a marker.
    private func redriveMarked(_ key: String, _ inbox: Inbox) async throws -> Bool {
        let holder = attempts.holder
        return try await handling {
            try await database.transaction("inbox.redrive") { tx in
                try inbox.redriveFirst(of: key, releasing: holder, in: tx)
            }
        }
    }

    /// Runs a transaction that handles one event: an error that no repeat would end is the handler's, also one of the end of
    /// the transaction, as of a constraint that is checked then.
    private func handling<R>(_ transaction: () async throws -> R) async throws -> R {
        do {
            return try await transaction()
        } catch {
            throw HandlerFailure.wrapping(error, index: 0)
        }
    }
}
