import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletWorkflows
import SwiftProtobuf

/// The operator API of one service.
struct OperateHandler: OperateHandling {
    let workflows: WorkflowOperations
    /// What the bodies of a topic are, and their JSON form.
    struct BodyFormat: Sendable {
        let type: EventType?
        let json: BodyJSON

        /// `nil` for an event of another type, or bytes that cannot be decoded.
        func text(_ event: Envelope) -> String? {
            guard event.type == nil || event.type == type else { return nil }
            // Bytes that cannot be decoded have no JSON form.
            return try? json.text(event.body)
        }
    }

    /// By topic.
    let bodies: [ExactText: BodyFormat]
    let gaps: Gaps

    static func bodies(of subscriptions: [Subscription]) -> [ExactText: BodyFormat] {
        let known = subscriptions.compactMap { subscription in
            subscription.json.map { (ExactText(subscription.topic), BodyFormat(type: subscription.type, json: $0)) }
        }
        return Dictionary(known) { first, _ in first }
    }

    func countUnsentEvents(
        _ request: CountUnsentEventsRequest,
        _ call: Call
    ) async throws -> CountUnsentEventsResponse {
        try await call.read("operate.unsent", kind: .scan) { tx in
            let unsent = try UnsentEvents.count(in: tx)
            return .with { $0.events = Int64(unsent.events) }
        }
    }

    func listParkedKeys(
        _ request: ListParkedKeysRequest,
        _ call: Call
    ) async throws -> ListParkedKeysResponse {
        try await call.read("operate.parked.keys", kind: .scan) { tx in
            let after = ParkedKey(
                group: request.afterGroup,
                topic: request.afterTopic,
                key: request.afterKey,
                count: 0,
                isRedriving: false
            )
            let keys = try ParkedMessages.keys(after: request.afterGroup.isEmpty ? nil : after, in: tx)
            return .with { $0.keys = keys.map(ParkedKeyRecord.init) }
        }
    }

    func listParkedMessages(
        _ request: ListParkedMessagesRequest,
        _ call: Call
    ) async throws -> ListParkedMessagesResponse {
        try await call.read("operate.parked.list", kind: .scan) { tx in
            let messages = try ParkedMessages.list(
                group: request.group,
                topic: request.topic,
                key: request.key,
                in: tx
            )
            return .with { $0.messages = messages.map { ParkedMessageRecord($0, withBody: false) } }
        }
    }

    func showParkedMessage(
        _ request: ShowParkedMessageRequest,
        _ call: Call
    ) async throws -> ShowParkedMessageResponse {
        try await call.read("operate.parked.show") { tx in
            let message = try Self.parked(group: request.group, topic: request.topic, id: request.id, in: tx)
            let json = bodies[ExactText(message.event.topic)].flatMap { $0.text(message.event) }
            return .with {
                $0.message = ParkedMessageRecord(message, withBody: true)
                $0.message.bodyJson = json ?? ""
            }
        }
    }

    func editParkedMessage(
        _ request: EditParkedMessageRequest,
        _ call: Call
    ) async throws -> EditParkedMessageResponse {
        let action = action(
            "parked.edit",
            on: "\(request.group)/\(request.topic)/\(request.id)",
            because: request.reason,
            by: call
        )
        return try await call.database.transaction("operate.parked.edit", deadline: call.deadline) { tx in
            let message = try Self.parked(group: request.group, topic: request.topic, id: request.id, in: tx)
            let newBody = try encoded(Array(request.body), json: request.bodyJson, of: request.topic)
            _ = try ParkedMessages.edit(
                group: request.group,
                topic: request.topic,
                id: request.id,
                body: newBody,
                in: tx
            )
            try OperateAudit.write(
                action,
                before: Self.auditText(message.event.body),
                after: Self.auditText(newBody),
                in: tx
            )
            return EditParkedMessageResponse()
        }
    }

    func redriveParkedKey(
        _ request: RedriveParkedKeyRequest,
        _ call: Call
    ) async throws -> RedriveParkedKeyResponse {
        let target = "\(request.group)/\(request.topic)/\(request.key)"
        let action = action("parked.redrive", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.parked.redrive", deadline: call.deadline) { tx in
            let (group, topic, key) = (request.group, request.topic, request.key)
            let skipped =
                request.skipMissing
                ? try ParkedMessages.skipMissing(group: group, topic: topic, key: key, in: tx) : nil
            guard try ParkedMessages.redrive(group: group, topic: topic, key: key, in: tx) else {
                throw Fault.notParked(key)
            }
            let after = skipped.map { "redriving, skipped \($0)" } ?? "redriving"
            try OperateAudit.write(action, before: "parked", after: after, in: tx)
            return RedriveParkedKeyResponse()
        }
    }

    func dropParkedMessage(
        _ request: DropParkedMessageRequest,
        _ call: Call
    ) async throws -> DropParkedMessageResponse {
        let action = action(
            "parked.drop",
            on: "\(request.group)/\(request.topic)/\(request.id)",
            because: request.reason,
            by: call
        )
        return try await call.database.transaction("operate.parked.drop", deadline: call.deadline) { tx in
            let message = try Self.parked(group: request.group, topic: request.topic, id: request.id, in: tx)
            _ = try ParkedMessages.drop(group: request.group, topic: request.topic, id: request.id, in: tx)
            try OperateAudit.write(action, before: Self.auditText(message.event.body), after: "", in: tx)
            return DropParkedMessageResponse()
        }
    }

    func listAudit(_ request: ListAuditRequest, _ call: Call) async throws -> ListAuditResponse {
        try await call.read("operate.audit", kind: .scan) { tx in
            let records = try OperateAudit.list(before: request.beforeNumber, limit: Int(request.limit), in: tx)
            return .with { $0.records = records }
        }
    }

    func action(_ name: String, on target: String, because why: String, by call: Call) -> OperateAudit.Action {
        OperateAudit.Action(who: call.principal.subject.text, name: name, target: target, why: why)
    }

    /// A body that an operator gives as bytes or as JSON, encoded.
    func encoded(_ bytes: [UInt8], json text: String, of topic: String) throws -> [UInt8] {
        guard !text.isEmpty else { return bytes }
        guard bytes.isEmpty else { throw Fault.twoBodies }
        guard let json = bodies[ExactText(topic)]?.json else { throw Fault.unknownTopic(topic) }
        do {
            return try json.bytes(text)
        } catch {
            throw Fault.invalidBody(error)
        }
    }

    private static func parked(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> ParkedMessage {
        guard let message = try ParkedMessages.show(group: group, topic: topic, id: id, in: tx) else {
            throw Fault.notParked(id)
        }
        return message
    }

    /// The part of a body that the audit log stores, as hex digits.
    static func auditText(_ body: [UInt8]) -> String { body.prefix(OperateAudit.textLimit / 2).hexadecimal }
}

extension Fault {
    /// - Parameter name: An event's id or a key.
    static func notParked(_ name: String) -> Fault {
        Fault(.notFound, "operate.not_parked", "nothing named \(name) is parked there")
    }
    static func notMissing(_ key: String) -> Fault {
        Fault(.notFound, "operate.not_missing", "nothing is missing there of the key \(key)")
    }
    static func notLate(_ id: String) -> Fault {
        Fault(.notFound, "operate.not_late", "no late event named \(id) waits there")
    }
    static func unknownLoss(_ id: Int64) -> Fault {
        Fault(.notFound, "operate.unknown_loss", "there is no loss \(id) here")
    }
    static func unknownResend(_ number: Int64) -> Fault {
        Fault(.notFound, "operate.unknown_resend", "there is no resend with the number \(number)")
    }
    static func unknownGroup(_ group: String) -> Fault {
        Fault(.failedPrecondition, "operate.unknown_group", "the group \(group) does not receive the topic here")
    }
    static func unknownTopic(_ topic: String) -> Fault {
        Fault(.failedPrecondition, "operate.unknown_topic", "the type of \(topic) is unknown here")
    }
    static let twoBodies = Fault(
        .invalidArgument,
        "operate.invalid_body",
        "has a body as bytes beside it: send one of both",
        field: "body_json"
    )
    static func invalidBody(_ error: any Error) -> Fault {
        Fault(
            .invalidArgument,
            "operate.invalid_body",
            "is not the topic's message: \(JSONDecodingText.rule(error).map { "it \($0)" } ?? "\(error)")",
            field: "body_json"
        )
    }
    static func unknownRun(_ id: String) -> Fault {
        Fault(.notFound, "operate.unknown_run", "there is no run named \(id)")
    }
    static func wrongState(_ state: WorkflowState) -> Fault {
        Fault(.failedPrecondition, "operate.wrong_state", "the run is \(state.rawValue)")
    }
}
