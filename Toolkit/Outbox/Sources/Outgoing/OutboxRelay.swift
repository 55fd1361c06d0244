import Logging
package import MartletCore
package import MartletMessaging
package import MartletSQL

/// Publishes committed events from a service's outbox to the broker: at least once, each key in order.
///
/// Any number of relays may run on one database: they share the partitions of the outbox, each sends those that it has
/// leased, and a commit of any process wakes all of them.
public struct OutboxRelay: Sendable {
    /// A relay's batch size, lease, delays and intervals.
    public struct Limits: Sendable {
        /// Events of one publication.
        ///
        /// At least 1.
        public var batch = 256
        /// Bytes of bodies in one publication, but for a single larger body.
        public var batchBytes = 1 << 20
        /// Number of unsent events at which writes are refused.
        ///
        /// Approximate: it is checked periodically.
        public var backlog = 100_000
        /// How long a lease lasts by the database's clock; it is renewed after a third of that.
        public var lease = Duration.seconds(30)
        /// How long after its start a relay has leases of only ``shortLease``, and no share while others have run
        /// longer.
        ///
        /// Nothing has to wait for the leases of a process that crashes again and again.
        public var probation = Duration.seconds(10)
        /// How long the lease of a new relay lasts, and how long a partition waits for the relay to which another one
        /// gave it.
        public var shortLease = Duration.seconds(3)
        /// After this any relay takes a partition without a lease; before it, only those that have less than their
        /// share.
        ///
        /// Below a second, so that a partition has a relay again at most a second after the end of its lease.
        public var freeDelay = Duration.milliseconds(750)
        /// How long the relay waits for further events after a wake-up, to send them in one batch; it does not wait
        /// while a full batch is ready.
        ///
        /// The limit of the latency that batching adds; saves the broker and each consumer a transaction per event.
        public var linger = Duration.milliseconds(50)
        /// How often it polls without a wake-up.
        public var pollInterval = Duration.seconds(5)
        /// Delays after failures.
        public var retryDelayMin = Duration.milliseconds(50)
        public var retryDelayMax = Duration.seconds(5)
        /// Delays before a key of which the broker refused an event is published again.
        ///
        /// A poll looks for them: they are rounded up to `pollInterval` when nothing else is published.
        public var refusedDelayMin = Duration.seconds(5)
        public var refusedDelayMax = Duration.seconds(300)

        public init() {}
    }

    /// Full publications between two checks of the backlog.
    private static let backlogCheckInterval = 16

    private let source: String
    private let instance: ExactText
    private let database: any SQLDatabase
    private let bus: any MessageBus
    private let runtime: Runtime
    private let topics: [TopicPlan]
    private let limits: Limits

    /// - Parameters:
    ///   - source: The publishing service's name.
    ///   - instance: The name of this process among those that relay from the database: the same after a restart, and
    ///     that of no other one. Where two have one name, the later one publishes alone.
    ///   - database: The service's database, with the outbox.
    ///   - bus: The broker.
    ///   - runtime: The clocks and the random numbers.
    ///   - topics: The topics of the service, declared to the broker at the start and after a refusal.
    ///   - limits: Batch size, lease, delays and intervals.
    package init(
        source: String,
        instance: String,
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        topics: [TopicPlan] = [],
        limits: Limits = Limits()
    ) {
        precondition(limits.batch >= 1 && limits.backlog >= 1)
        self.source = source
        self.instance = ExactText(instance)
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.topics = topics
        self.limits = limits
    }

    /// Relays until its task is cancelled.
    ///
    /// Failures of the broker and of the database are logged and retried. At shutdown, cancel it when nothing is unsent
    /// or the drain timeout has passed: the remaining events are sent after the next start.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        var session = try await begin()
        defer { session.notifications.close() }
        do {
            while true { try await turn(&session) }
        } catch {
            await release(session)
            throw error
        }
    }

    /// Sends all unsent events and returns: for tests.
    ///
    /// - Throws: What the broker or the database throws.
    func drain() async throws {
        var session = try await begin()
        defer { session.notifications.close() }
        do {
            while try await send(&session) {}
            await release(session)
        } catch {
            await release(session)
            throw error
        }
    }

    /// Sends one batch, or waits until there may be one; after a failure, waits for the retry delay.
    private func turn(_ session: inout Session) async throws {
        try Task.checkCancellation()
        do {
            // A busy relay takes what others offer, too. A commit may be later than what was read.
            if try await wait(&session, until: runtime.time.now) { session.isBehind = true }
            if session.isBehind, session.next?.isEmpty == true { try await linger(&session) }
            if try await !send(&session) {
                if session.isFull { await updateBackpressure(&session) }
                if try await wait(&session, until: min(session.renewal, runtime.time.now + limits.pollInterval)) {
                    try await linger(&session)
                }
            }
            session.failures = 0
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            session.failures += 1
            session.next = nil
            let delay = Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax).delay(
                after: session.failures,
                runtime.entropy
            )
            Logger.current.warning(
                "publishing events failed, will retry",
                metadata: [
                    "error": "\(Fault(describing: error).message)", "attempt": "\(session.failures)",
                    "retry.in": "\(delay)",
                ]
            )
            await updateBackpressure(&session)
            try await runtime.time.sleep(for: delay)
        }
    }

    /// Events were committed and none are read: waits for further ones, to read them together.
    private func linger(_ session: inout Session) async throws {
        try await runtime.time.sleep(for: limits.linger)
        // Notified before the read: the read finds them.
        try await wait(&session, until: runtime.time.now)
        session.next = nil
    }

    /// The state of one relay run between its batches.
    private struct Session {
        /// What is committed, offered and missing on this database.
        let notifications: SQLNotifications
        var share: OutboxStore.Share
        /// When it looks again at what it may publish.
        var renewal: Moment
        /// Whether it looks again because another relay notified it.
        var isNotified = false
        /// Unsent events that follow a full batch, as its transaction read them; empty when all that was notified is
        /// sent; `nil` when they must be read.
        var next: [OutboxStore.Row]?
        /// Whether events were committed that `next` may not contain.
        var isBehind = false
        var failures = 0
        var fullBatches = 0
        var isFull = true
        /// Whether the broker knows the topics: it may have been restored since.
        var isDeclared = false
    }

    private func begin() async throws -> Session {
        var failures = 0
        while true {
            do {
                // Before it looks for the first time: nothing is missed in between.
                let notifications = try await database.notifications(of: [Outbox.committed, Outbox.shared])
                do {
                    return try await register(notifications)
                } catch {
                    notifications.close()
                    throw error
                }
            } catch let error as SQLError where error.isTransient {
                failures += 1
                try await runtime.time.sleep(
                    for: Backoff(initial: limits.retryDelayMin, maximum: limits.retryDelayMax)
                        .delay(after: failures, runtime.entropy)
                )
            }
        }
    }

    private func register(_ notifications: SQLNotifications) async throws -> Session {
        let instance = instance
        let isAlone = try await database.bootNumber() != 0
        let relay = try await database.transaction("outbox.start", options: OutboxStore.sharing) { tx in
            try OutboxStore.register(instance, isAlone: isAlone, in: tx)
        }
        let share = OutboxStore.Share(relay: relay, next: .zero)
        return Session(notifications: notifications, share: share, renewal: runtime.time.now)
    }

    /// Waits until events are committed, partitions are offered or missing, or `moment` has come.
    ///
    /// - Returns: True when events were committed.
    @discardableResult
    private func wait(_ session: inout Session, until moment: Moment) async throws -> Bool {
        let notified = try await session.notifications.next(until: moment, runtime.time)
        if notified.contains(Outbox.shared) {
            session.renewal = runtime.time.now
            session.isNotified = true
        }
        return notified.contains(Outbox.committed)
    }

    /// Renews the leases, and takes and gives partitions.
    private func renew(_ session: inout Session) async throws {
        let (relay, limits, asks) = (session.share.relay, limits, !session.isNotified)
        session.isNotified = false
        let begin = runtime.time.now
        let share = try await database.transaction("outbox.lease", options: OutboxStore.sharing) { tx in
            try OutboxStore.share(of: relay, limits, asks: asks, in: tx)
        }
        if share.isReplaced, !session.share.isReplaced {
            Logger.current.warning(
                "another process of the same instance is alive, does not publish until it has ended",
                metadata: ["instance": "\(instance)", "retry.in": "\(share.next)"]
            )
        }
        // What was read may be of partitions that another relay publishes now.
        if share.leases != session.share.leases { session.next = nil }
        session.share = share
        session.renewal = begin + share.next
    }

    /// Sends one batch; false when nothing is unsent.
    private func send(_ session: inout Session) async throws -> Bool {
        if !session.isDeclared, !topics.isEmpty {
            try await bus.declare(topics)
            session.isDeclared = true
        }
        if session.renewal <= runtime.time.now { try await renew(&session) }
        let (owner, leases) = (session.share.relay.instance.text, session.share.leases)
        guard !leases.isEmpty else { return false }
        let (limits, source) = (limits, source)
        var known = session.next
        session.next = nil
        if known == nil {
            session.isBehind = false
            known = try await database.read("outbox.waiting") { tx in
                try OutboxStore.waiting(leases, source: source, limit: limits.batch, in: tx)
            }
        }
        guard let rows = known, !rows.isEmpty else { return false }
        let batch = cut(rows)
        let isFull = rows.count == limits.batch || batch.count < rows.count
        let outcomes = try await publish(batch.map(\.event))
        crashPoint("outbox.published")
        let (accepted, refused) = try split(batch, outcomes)
        if !refused.isEmpty { session.isDeclared = false }
        let (held, next) = try await database.transaction("outbox.mark", options: .locking) { tx in
            let held = try OutboxStore.mark(accepted, sentUnder: leases, by: owner, in: tx)
            try OutboxRefusals.update(accepted: accepted, refused: refused, under: held, in: tx)
            // What was committed after the read of a partial batch is notified.
            var next: [OutboxStore.Row] = []
            if isFull { next = try OutboxStore.waiting(held, source: source, limit: limits.batch, in: tx) }
            return (held, next)
        }
        crashPoint("outbox.marked")
        if held == leases {
            session.next = next
        } else {
            // The database's clock jumped past the leases, or another relay has taken them over: renew them before the
            // next publication.
            session.renewal = runtime.time.now
        }
        session.fullBatches = rows.count == limits.batch ? session.fullBatches + 1 : 0
        if session.fullBatches >= Self.backlogCheckInterval || session.isFull { await updateBackpressure(&session) }
        return true
    }

    private func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        guard let spans = PublishSpans(events) else { return try await bus.publish(events) }
        return try await spans.publish { try await bus.publish(events) }
    }

    /// Splits a published batch by its outcomes, and logs the refusals, one line for each topic and reason.
    private func split(
        _ batch: [OutboxStore.Row],
        _ outcomes: [PublishOutcome]
    ) throws -> (accepted: [OutboxStore.Row], refused: [OutboxRefusals.Refused]) {
        let backoff = Backoff(initial: limits.refusedDelayMin, maximum: limits.refusedDelayMax)
        let (accepted, refused) = try OutboxRefusals.split(batch, outcomes) { attempts in
            backoff.delay(after: attempts, runtime.entropy)
        }
        var logged: Set<[ExactText]> = []
        for item in refused
        where logged.insert([ExactText(item.row.event.topic), ExactText(item.refusal.reason.name)]).inserted {
            Logger.current.error(
                "the broker refused an event, its key will be retried",
                metadata: [
                    "topic": "\(item.row.event.topic)", "key": "\(item.row.event.key)",
                    "reason": "\(item.refusal.reason)", "error": "\(item.refusal.message)",
                    "retry.in": "\(item.pause)",
                ]
            )
        }
        return (accepted, refused)
    }

    /// Releases the leases, so that the next relay starts immediately; otherwise it waits until they expire.
    private func release(_ session: Session) async {
        let (relay, limits) = (session.share.relay, limits)
        try? await database.transaction("outbox.release", options: OutboxStore.sharing) { tx in
            try OutboxStore.leave(relay, limits, in: tx)
        }
    }

    /// The first rows whose bodies fit in one publication.
    private func cut(_ rows: [OutboxStore.Row]) -> [OutboxStore.Row] {
        var bytes = 0
        let fitting = rows.prefix { row in
            bytes += row.event.body.count
            return bytes <= limits.batchBytes
        }
        return Array(fitting.isEmpty ? rows.prefix(1) : fitting)
    }

    /// Counts the unsent events, and closes or opens the outbox for appends.
    private func updateBackpressure(_ session: inout Session) async {
        session.fullBatches = 0
        let backlog = limits.backlog
        do {
            let wasFull = session.isFull
            session.isFull = try await database.transaction("outbox.judge", options: .locking) { tx in
                try OutboxStore.updateBackpressure(limit: backlog, in: tx)
            }
            if session.isFull, !wasFull {
                Logger.current.error("the outbox is full, writes are refused", metadata: ["limit": "\(backlog)"])
            }
        } catch {
            Logger.current.warning(
                "counting the outbox failed",
                metadata: ["error": "\(Fault(describing: error).message)"]
            )
        }
    }
}
