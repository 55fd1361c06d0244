public import MartletContract
import MartletCore
import MartletMessaging
import Synchronization

extension ServedContract {
    /// Serves `log` to other processes.
    public static func eventLog(_ log: EventLog) -> ServedContract { .eventLog(EventLogHandler(log), on: NoPlatform()) }

    /// What services may ask of `log`: for the listener of services.
    public static func eventLogOfServices(_ log: EventLog) -> ServedContract {
        eventLog(log).filter { !$0.access.callers.isEmpty }
    }

    /// What operators may ask of `log`: for the operators' listener.
    public static func eventLogOfOperators(_ log: EventLog) -> ServedContract {
        eventLog(log).filter { $0.access.callers.isEmpty }
    }
}

/// Converts the calls of other processes into those of an event log.
struct EventLogHandler: EventLogHandling {
    /// Maximum deliveries in one response of a stream.
    static let responseLimit = 64

    private let log: EventLog

    init(_ log: EventLog) { self.log = log }

    func publish(_ request: PublishRequest, _ call: Call) async throws -> PublishResponse {
        let events = request.events.map(\.envelope)
        let service = try service(call)
        var response = PublishResponse()
        guard request.answersEach else {
            try await log.publishAll(events, by: service)
            return response
        }
        response.refusals = try await log.publish(events, by: service).enumerated().compactMap { index, outcome in
            RefusalRecord(outcome, at: index)
        }
        return response
    }

    func join(_ request: JoinRequest, _ call: Call) async throws -> ResponseStream<JoinResponse> {
        let member = try await log.join(
            GroupPlan(topic: request.topic, group: request.group),
            by: try service(call),
            start: request.start.groupStart,
            window: Int(request.window)
        )
        let stream = MemberStream(log, member)
        return ResponseStream { try await stream.next() }
    }

    func acknowledge(_ request: AcknowledgeRequest, _ call: Call) async throws -> AcknowledgeResponse {
        let member = try member(request.member, of: call)
        try log.acknowledge(request.positions.map(\.deliveryID), by: member)
        if !request.losses.isEmpty { try await log.acknowledge(request.losses.map(\.loss), by: member) }
        return AcknowledgeResponse()
    }

    func giveBack(_ request: GiveBackRequest, _ call: Call) async throws -> GiveBackResponse {
        try log.redeliver(
            request.positions.map(\.deliveryID),
            by: try member(request.member, of: call),
            after: .milliseconds(request.pauseMilliseconds)
        )
        return GiveBackResponse()
    }

    func leave(_ request: LeaveRequest, _ call: Call) async throws -> LeaveResponse {
        do {
            log.leave(try member(request.member, of: call))
        } catch let fault as Fault where fault.reason == .unknownMember {
            // It has already left.
        }
        return LeaveResponse()
    }

    func status(_ request: StatusRequest, _ call: Call) async throws -> StatusResponse {
        var response = StatusResponse()
        response.topics = try await log.status().map { TopicRecord($0) }
        return response
    }

    func declare(_ request: DeclareRequest, _ call: Call) async throws -> DeclareResponse {
        try await log.declare(
            BusDeclaration(topics: request.topics.map { try $0.plan() }, groups: request.groups.map(\.plan)),
            by: try service(call)
        )
        return DeclareResponse()
    }

    // MARK: Operators

    func removeGroup(_ request: RemoveGroupRequest, _ call: Call) async throws -> RemoveGroupResponse {
        let action = EventLogAudit.Action(
            who: call.principal.subject.text,
            name: "group.remove",
            target: "\(request.group)/\(request.topic)",
            why: request.reason
        )
        var response = RemoveGroupResponse()
        response.lost = try await Int64(log.removeGroup(request.group, of: request.topic, by: action))
        return response
    }

    func listLosses(_ request: ListLossesRequest, _ call: Call) async throws -> ListLossesResponse {
        var response = ListLossesResponse()
        response.losses = try await log.losses(after: request.afterID, confirmed: request.confirmed)
        return response
    }

    func confirmLoss(_ request: ConfirmLossRequest, _ call: Call) async throws -> ConfirmLossResponse {
        let action = EventLogAudit.Action(
            who: call.principal.subject.text,
            name: "loss.confirm",
            target: "\(request.id)",
            why: request.reason
        )
        try await log.confirmLoss(request.id, by: action)
        return ConfirmLossResponse()
    }

    func listLogAudit(_ request: ListLogAuditRequest, _ call: Call) async throws -> ListLogAuditResponse {
        var response = ListLogAuditResponse()
        response.records = try await log.audit(before: request.beforeNumber, limit: Int(request.limit))
        return response
    }

    /// The service that calls.
    ///
    /// - Throws: `Fault` for anybody else.
    private func service(_ call: Call) throws -> ExactText {
        guard call.principal.kind == .service else {
            throw Fault(.permissionDenied, .forbidden, "only services use the event log")
        }
        return call.principal.id
    }

    /// Members are named `<run of the log>-<number>`.
    ///
    /// - Throws: `Fault` when it has left, or another service joined with it.
    private func member(_ name: String, of call: Call) throws -> Int {
        let service = try service(call)
        let parts = name.split(separator: "-", maxSplits: 1)
        guard parts.count == 2, ExactText(String(parts[0])) == ExactText(log.run), let member = Int(parts[1]) else {
            throw Fault.unknownMember
        }
        try log.check(member, of: service)
        return member
    }
}

/// The responses of one membership, which ends with the stream.
private final class MemberStream: Sendable {
    private let log: EventLog
    private let member: EventLogMember
    private let named = Mutex(false)

    init(_ log: EventLog, _ member: EventLogMember) {
        self.log = log
        self.member = member
    }

    deinit { log.leave(member.id) }

    func next() async throws -> JoinResponse? {
        var response = JoinResponse()
        let isFirst = named.withLock { named in
            defer { named = true }
            return !named
        }
        if isFirst {
            response.member = "\(log.run)-\(member.id)"
            response.whole = member.isWhole
            response.losses = member.losses.map { LossRecord($0) }
            return response
        }
        do {
            response.deliveries = try await member.receive(limit: EventLogHandler.responseLimit).map {
                DeliveryRecord($0)
            }
            return response
        } catch {
            // The stream of a member that has left or was removed ends without an error.
            guard log.hasMember(member.id) else { return nil }
            log.leave(member.id)
            throw error
        }
    }
}
