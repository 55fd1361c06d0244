import Logging
public import MartletCore
public import MartletMessaging
public import MartletSQL

/// Runs a service's subscriptions: takes events from the bus, in order per key and once each, parks what keeps failing, and
/// redrives what an operator asks for.
public struct SubscriptionRunner: Sendable {
    /// How much a consumer takes at once, how often it tries, and how long it waits.
    public struct Limits: Sendable {
        /// Events of one transaction.
        ///
        /// At least 1.
        public var batch = 32
        /// Failed tries after which an event is parked.
        ///
        /// At least 1.
        public var attempts = 5
        /// Pauses between the tries of one event; no least pause is longer than `mostPause`.
        public var leastPause = Duration.milliseconds(100)
        public var mostPause = Duration.seconds(5)
        /// Pauses before an event behind a gap is looked at again.
        public var leastGapPause = Duration.milliseconds(20)
        /// How long a group that begins with the earliest waits for the first event of a key.
        ///
        /// Then the topic's retention is thought to have dropped it, and the lowest event that is there becomes the
        /// key's first.
        public var gapPatience = Duration.seconds(300)
        /// Between two looks for keys to be redriven.
        public var redrivePause = Duration.milliseconds(500)

        public init() {}
    }

    /// Keys that one look for redrives takes up.
    private static let redriveBatch = 100

    private let subscriptions: [Subscription]
    private let database: any SQLDatabase
    private let bus: any MessageBus
    private let time: any TimeSource
    private let entropy: any Entropy
    private let limits: Limits

    public init(
        _ subscriptions: [Subscription],
        database: any SQLDatabase,
        bus: any MessageBus,
        time: any TimeSource,
        entropy: any Entropy,
        limits: Limits = Limits()
    ) {
        precondition(limits.batch >= 1 && limits.attempts >= 1)
        precondition(max(limits.leastPause, limits.leastGapPause) <= limits.mostPause)
        precondition(
            Set(subscriptions.map { [$0.topic, $0.group] }).count == subscriptions.count,
            "two subscriptions of one group to one topic: each would miss what the other takes"
        )
        self.subscriptions = subscriptions
        self.database = database
        self.bus = bus
        self.time = time
        self.entropy = entropy
        self.limits = limits
    }

    /// Consumes until its task is cancelled.
    ///
    /// Failures of the bus and of the database are logged and tried again.
    ///
    /// - Throws: `CancellationError`.
    public func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for subscription in subscriptions {
                group.addTask { try await consume(subscription) }
            }
            if !subscriptions.isEmpty { group.addTask { try await redrive() } }
        }
        try Task.checkCancellation()
    }

    private func consume(_ subscription: Subscription) async throws {
        var failures = 0
        var troubles = KeyTroubles()
        while true {
            do {
                let member = try await bus.join(
                    topic: subscription.topic,
                    group: subscription.group,
                    start: subscription.start
                )
                var consumer = Consumer(
                    subscription: subscription,
                    member: member,
                    database: database,
                    time: time,
                    entropy: entropy,
                    limits: limits,
                    troubles: troubles
                )
                do {
                    while true {
                        try await consumer.step()
                        failures = 0
                    }
                } catch {
                    troubles = consumer.troubles
                    await member.leave()
                    throw error
                }
            } catch  where error is CancellationError || Task.isCancelled {
                throw CancellationError()
            } catch {
                failures += 1
                let pause = Backoff(least: limits.leastPause, most: limits.mostPause).pause(after: failures, entropy)
                Logger.current.warning(
                    "consuming events was interrupted, will join again",
                    metadata: [
                        "topic": "\(subscription.topic)", "group": "\(subscription.group)",
                        "error": "\(Fault(describing: error).message)", "retry.in": "\(pause)",
                    ]
                )
                try await time.sleep(for: pause)
            }
        }
    }

    // MARK: Redrive

    private func redrive() async throws {
        while true {
            try await interruptibly([:]) { try await redriveAsked() }
            try await time.sleep(for: limits.redrivePause)
        }
    }

    /// A failure is logged: the next look finds what is left.
    private func interruptibly(_ facts: Logger.Metadata, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            Logger.current.warning(
                "redriving parked events was interrupted, will retry",
                metadata: facts.merging(["error": "\(Fault(describing: error).message)"]) { $1 }
            )
        }
    }

    /// Redrives the keys for which an operator has asked.
    func redriveAsked() async throws {
        let keys = try await database.read("inbox.redriving") { tx in
            try ParkedMessages.redriving(limit: Self.redriveBatch, in: tx)
        }
        for key in keys {
            guard let subscription = subscriptions.first(where: { $0.topic == key.topic && $0.group == key.group })
            else {
                continue
            }
            // One key's trouble is not the next one's.
            try await interruptibly(["topic": "\(key.topic)", "group": "\(key.group)", "key": "\(key.key)"]) {
                try await redrive(key.key, of: subscription)
            }
        }
    }

    /// Handles the parked events of a key one by one, until none is left or one fails again.
    private func redrive(_ key: String, of subscription: Subscription) async throws {
        let inbox = Inbox(subscription)
        do {
            var more = true
            while more {
                more = try await redriveOne(key, inbox)
                crashPoint("inbox.redriven")
            }
        } catch let failure as EffectFailure {
            Logger.current.warning(
                "a parked event failed again and stays parked",
                metadata: [
                    "topic": "\(subscription.topic)", "group": "\(subscription.group)", "key": "\(key)",
                    "error.type": "\(failure.kind)",
                ]
            )
            try await database.transaction("inbox.reparked") { tx in
                try inbox.stopRedrive(of: key, error: failure.text, in: tx)
            }
        }
    }

    private func redriveOne(_ key: String, _ inbox: Inbox) async throws -> Bool {
        try await database.transaction("inbox.redrive") { tx in
            do {
                return try inbox.redriveFirst(of: key, in: tx)
            } catch {
                throw EffectFailure.wrapping(error, index: 0)
            }
        }
    }
}
