public import MartletContract
public import MartletCore
import MartletEventLog
public import MartletMessaging

/// A client of the embedded event log in another process, as a message bus.
///
/// Safe to share between tasks. Opens no connection of its own: it uses the channel's.
public struct RemoteEventLog: MessageBus {
    /// The deadline of a call, except for the stream of deliveries.
    static let callLimit = Duration.seconds(10)
    /// Maximum unacknowledged deliveries of a member.
    package static let window = 256

    private let client: EventLogClient
    private let caller: Principal
    private let time: any TimeSource

    /// - Parameters:
    ///   - channel: The channel to the event log.
    ///   - service: The calling service's name.
    ///   - time: The clock for the deadlines of calls.
    public init(over channel: any RPCChannel, service: String, time: any TimeSource) {
        client = EventLogClient(over: channel)
        caller = Principal(service: ExactText(service), for: .itself)
        self.time = time
    }

    public func declare(_ declaration: BusDeclaration) async throws {
        var request = DeclareRequest()
        request.topics = declaration.topics.map { TopicDeclaration($0) }
        request.groups = declaration.groups.map { GroupDeclaration($0) }
        do {
            _ = try await client.declare(request, context: shortCall)
        } catch let fault as Fault where fault.code == .unimplemented {
            // A log of before topics were declared makes them by their use.
        }
    }

    @discardableResult
    public func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        guard !events.isEmpty else { return [] }
        var request = PublishRequest()
        request.answersEach = true
        request.events = events.map { EventRecord($0) }
        // The relay retries failed publications with delays of its own: no second retry layer.
        var context = shortCall
        context.mayRetry = false
        return try await client.publish(request, context: context).outcomes(count: events.count)
    }

    public func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        if start == .again { try await requireReturns() }
        var request = JoinRequest()
        request.topic = topic
        request.group = group
        request.start = StartPosition(start)
        request.window = Int32(Self.window)
        let stream = try await client.join(request, context: CallContext(principal: caller))
        guard let first = try await stream.pull(), !first.member.isEmpty else { throw Fault.streamEnded }
        return RemoteMember(log: self, first: first, stream: stream)
    }

    /// A log of before groups could go back would join one that exists where it is.
    ///
    /// - Throws: `Fault` for such a log, which serves no declarations either.
    private func requireReturns() async throws {
        do {
            _ = try await client.declare(DeclareRequest(), context: shortCall)
        } catch let fault as Fault where fault.code == .unimplemented {
            throw Fault(
                .failedPrecondition,
                "eventlog.too_old",
                "the group of a restored service cannot go back: the event log is of an older version"
            )
        }
    }

    /// For operators: the log refuses it to services.
    public func status() async throws -> [TopicStatus] {
        try await client.status(StatusRequest(), context: shortCall).topics.map(\.status)
    }

    // MARK: Members

    func acknowledge(_ positions: [DeliveryID], as member: String) async throws {
        var request = AcknowledgeRequest()
        request.member = member
        request.positions = positions.map { DeliveryPosition($0) }
        _ = try await client.acknowledge(request, context: shortCall)
    }

    func acknowledge(losses: ArraySlice<GroupLoss>, as member: String) async throws {
        var request = AcknowledgeRequest()
        request.member = member
        request.losses = losses.map { LossRecord($0) }
        _ = try await client.acknowledge(request, context: shortCall)
    }

    func redeliver(_ positions: [DeliveryID], as member: String, after delay: Duration) async throws {
        var request = GiveBackRequest()
        request.member = member
        request.positions = positions.map { DeliveryPosition($0) }
        request.pauseMilliseconds = min(max(delay.milliseconds, 0), RemoteMember.delayLimit.milliseconds)
        _ = try await client.giveBack(request, context: shortCall)
    }

    func leave(_ member: String) async throws {
        var request = LeaveRequest()
        request.member = member
        _ = try await client.leave(request, context: shortCall)
    }

    private var shortCall: CallContext { CallContext(deadline: time.now + Self.callLimit, principal: caller) }
}

extension Fault {
    /// The log ended the membership or became unavailable: join again.
    static var streamEnded: Fault { Fault(.unavailable, .unavailable, "the event log ended the stream of deliveries") }
}
