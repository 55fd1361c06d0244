import MartletCore
public import MartletMessaging
public import MartletSQL

/// What a service does with the events of one topic: a synchronous effect in the consumer's own transaction.
///
/// Effect, inbox row and outgoing events commit together, so that each event takes effect once. An effect outside the
/// database starts a workflow in `tx`.
public struct Subscription: Sendable {
    public let topic: String
    /// Members of one group share a topic's events; the group's name is usually the service's.
    public let group: String
    public let start: GroupStart
    let effect: @Sendable (Envelope, borrowing SQLTransaction) throws -> Void

    /// - Parameters:
    ///   - start: Where a new group begins. With `earliest`, a key's first event must be its number 1.
    ///   - effect: May run several times, but only one run commits. When it throws, the event is tried again with growing
    ///     pauses, and parked in the end; other keys go on.
    public static func on<Body>(
        _ topic: Topic<Body>,
        group: String,
        start: GroupStart = .earliest,
        _ effect: @escaping @Sendable (Body, borrowing SQLTransaction) throws -> Void
    ) -> Subscription {
        let decode = topic.decode
        return Subscription(topic: topic.name, group: group, start: start) {
            (event: Envelope, tx: borrowing SQLTransaction) in
            try effect(try decode(event.body), tx)
        }
    }

    /// As ``on(_:group:start:_:)``, for an effect that also needs the event's time, key or sequence.
    public static func onEnvelope<Body>(
        _ topic: Topic<Body>,
        group: String,
        start: GroupStart = .earliest,
        _ effect: @escaping @Sendable (Body, Envelope, borrowing SQLTransaction) throws -> Void
    ) -> Subscription {
        let decode = topic.decode
        return Subscription(topic: topic.name, group: group, start: start) {
            (event: Envelope, tx: borrowing SQLTransaction) in
            try effect(try decode(event.body), event, tx)
        }
    }

    /// Hands one event to the subscription, as a bus would: a repeat does nothing.
    ///
    /// - Returns: What came of it.
    /// - Throws: What the effect throws; nothing is kept then.
    @discardableResult
    public func deliver(_ event: Envelope, on database: any SQLDatabase) async throws -> InboxVerdict {
        let inbox = Inbox(self)
        return try await database.transaction("inbox.deliver") { tx in
            try inbox.take(event, acceptingBase: false, in: tx)
        }
    }

    /// Lets one event take effect in `tx`, and keeps no record of it: a repeat takes effect again.
    ///
    /// For whoever keeps a record of their own; everybody else delivers.
    ///
    /// - Throws: What the effect throws.
    public func apply(_ event: Envelope, in tx: borrowing SQLTransaction) throws {
        // What the effect appends or starts belongs to the trace of the event that caused it.
        try TraceContext.$current.withValue(event.traceparent.flatMap { TraceContext(traceparent: $0) }) {
            try effect(event, tx)
        }
    }
}
