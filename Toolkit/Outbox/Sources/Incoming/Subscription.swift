public import MartletCore
public import MartletMessaging
public import MartletSQL
import MartletTelemetry

/// A service's handler for the events of one topic: synchronous, in the consumer's own transaction.
///
/// The handler's writes, the inbox row and outgoing events commit together, so that each event takes effect once. For
/// an effect outside the database, the handler starts a workflow in `tx`.
///
/// ```swift
/// let counting = Subscription.on(LinksTopics.created, group: "statistics") { link, tx in
///     try tx.run(
///         """
///         INSERT INTO urls (url, links) VALUES (\(link.url), 1)
///         ON CONFLICT (url) DO UPDATE SET links = urls.links + 1
///         """
///     )
/// }
/// ```
public struct Subscription: Sendable {
    public let topic: String
    /// The service whose events it is about, as the topic's contract names it; `nil` for a topic of no contract.
    public let source: String?
    /// Members of one group share a topic's events; the group's name is usually the service's.
    public let group: String
    public let start: GroupStart
    /// What the topic's bodies are; an event of another type fails and is parked.
    public let type: EventType?
    /// The JSON form of the topic's bodies; `nil` when they have none.
    package let json: BodyJSON?
    /// In how many partitions the topic is stored, if this is the first to declare it; `nil` for the broker's own number.
    var partitions: Int?
    /// The named locks of an event; `nil` for none.
    var locks: (@Sendable (Envelope, borrowing SQLTransaction) throws -> [ExactText])?
    let handler: @Sendable (Envelope, borrowing SQLTransaction) throws -> Void

    /// - Parameters:
    ///   - topic: The topic, as its contract declares it.
    ///   - group: The consumer group, usually the service's name.
    ///   - start: Where a new group begins. With `earliest`, the first event of a key that is not older than the group
    ///     must have sequence number 1. With `latest`, events that were committed before are counted and not handled.
    ///   - handler: May run several times, but only one run commits. When it throws, the event is retried with growing
    ///     delays, and parked after the last attempt; other keys are not affected.
    public static func on<Body>(
        _ topic: Topic<Body>,
        group: String,
        start: GroupStart = .earliest,
        _ handler: @escaping @Sendable (Body, borrowing SQLTransaction) throws -> Void
    ) -> Subscription {
        Subscription(of: topic, group: group, start: start) {
            (event: Envelope, tx: borrowing SQLTransaction) in
            try handler(try topic.read(event), tx)
        }
    }

    /// As ``on(_:group:start:_:)``, for a handler that also needs the event's time, key or sequence.
    public static func onEnvelope<Body>(
        _ topic: Topic<Body>,
        group: String,
        start: GroupStart = .earliest,
        _ handler: @escaping @Sendable (Body, Envelope, borrowing SQLTransaction) throws -> Void
    ) -> Subscription {
        Subscription(of: topic, group: group, start: start) {
            (event: Envelope, tx: borrowing SQLTransaction) in
            try handler(try topic.read(event), event, tx)
        }
    }

    /// As ``on(_:group:start:_:)``, for a handler that changes rows which many transactions change.
    ///
    /// - Parameters:
    ///   - topic: The topic, as its contract declares it.
    ///   - group: The consumer group, usually the service's name.
    ///   - start: Where a new group begins.
    ///   - locks: The named locks of an event, which the handler's transaction holds; read before it begins, from the
    ///     service's own tables where the event does not have them. Nothing is read where the database takes no named
    ///     locks.
    ///   - handler: Decides anew what was read for `locks`.
    public static func on<Body>(
        _ topic: Topic<Body>,
        group: String,
        start: GroupStart = .earliest,
        locking locks: @escaping @Sendable (Body, borrowing SQLTransaction) throws -> [ExactText],
        handler: @escaping @Sendable (Body, borrowing SQLTransaction) throws -> Void
    ) -> Subscription {
        var subscription = on(topic, group: group, start: start, handler)
        subscription.locks = { (event: Envelope, tx: borrowing SQLTransaction) in
            try locks(try topic.read(event), tx)
        }
        return subscription
    }

    /// The same subscription, which calls `observe` before each run of its handler; itself when `observe` is `nil`.
    package func observed(by observe: (@Sendable (_ group: String, _ event: Envelope) -> Void)?) -> Subscription {
        guard let observe else { return self }
        let (handler, group) = (handler, group)
        return Subscription(
            topic: topic,
            source: source,
            group: group,
            start: start,
            type: type,
            json: json,
            partitions: partitions,
            locks: locks
        ) { (event: Envelope, tx: borrowing SQLTransaction) in
            observe(group, event)
            try handler(event, tx)
        }
    }

    /// Its group, and the topic, since it may be declared before its publisher has started.
    ///
    /// With the number of partitions, which is fixed then, and not with the retention: that is its publisher's to change.
    var declaration: BusDeclaration {
        BusDeclaration(
            topics: [TopicPlan(topic, partitions: partitions)],
            groups: [GroupPlan(topic: topic, group: group)]
        )
    }

    /// Delivers one event to the subscription, as a bus would: a repeat does nothing.
    ///
    /// - Returns: The inbox's decision.
    /// - Throws: What the handler throws; nothing is stored then.
    @discardableResult
    public func deliver(_ event: Envelope, on database: any SQLDatabase) async throws -> InboxDecision {
        let inbox = Inbox(self)
        let options = SQLOptions(locks: try await lockNames(of: [event], on: database))
        return try await database.transaction("inbox.deliver", options: options) { tx in
            try inbox.process(event, patience: nil, passesMarkers: true, in: tx)
        }
    }

    /// The named locks of events; none of one that cannot be read, which its handler reports.
    func lockNames(of events: [Envelope], on database: any SQLDatabase) async throws -> [ExactText] {
        guard let locks else { return [] }
        return try await database.lockNames("inbox.locks", deadline: nil) { tx in
            events.flatMap { (try? locks($0, tx)) ?? [] }
        }
    }

    /// Runs the handler on one event in `tx` without an inbox row: a repeat runs it again.
    ///
    /// For callers that deduplicate events themselves; all others use ``deliver(_:on:)``.
    ///
    /// - Throws: What the handler throws.
    package func apply(_ event: Envelope, in tx: borrowing SQLTransaction) throws {
        try apply(event, as: nil, in: tx)
    }

    /// What the handler appends or starts belongs to its span; without one, to the trace of the event that caused it.
    func apply(_ event: Envelope, as scope: SpanScope?, in tx: borrowing SQLTransaction) throws {
        guard let scope else { return try TraceContext.$current.withValue(event.trace) { try handler(event, tx) } }
        try scope.run { try handler(event, tx) }
    }
}

extension Subscription {
    private init<Body>(
        of topic: Topic<Body>,
        group: String,
        start: GroupStart,
        handler: @escaping @Sendable (Envelope, borrowing SQLTransaction) throws -> Void
    ) {
        self.init(
            topic: topic.name,
            source: topic.source,
            group: group,
            start: start,
            type: topic.type,
            json: topic.json,
            partitions: topic.plan.partitions,
            handler: handler
        )
    }
}
