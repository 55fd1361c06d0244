import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import SwiftProtobuf

extension OperateHandler {
    func listLateMessages(
        _ request: ListLateMessagesRequest,
        _ call: Call
    ) async throws -> ListLateMessagesResponse {
        try await call.read("operate.late.list", kind: .scan) { tx in
            let after = LatePosition(
                receivedAt: Timestamp(microseconds: request.afterReceivedAt),
                group: request.afterGroup,
                topic: request.afterTopic,
                id: request.afterID
            )
            let messages = try LateEvents.list(after: request.afterID.isEmpty ? nil : after, in: tx)
            return .with { $0.messages = messages.map { LateMessageRecord($0, withBody: false) } }
        }
    }

    func showLateMessage(_ request: ShowLateMessageRequest, _ call: Call) async throws -> ShowLateMessageResponse {
        try await call.read("operate.late.show") { tx in
            let message = try Self.late(group: request.group, topic: request.topic, id: request.id, in: tx)
            // Bytes that cannot be decoded have no JSON form.
            let json = bodies[ExactText(message.event.topic)].flatMap { $0.text(message.event) }
            return .with {
                $0.message = LateMessageRecord(message, withBody: true)
                $0.message.bodyJson = json ?? ""
            }
        }
    }

    func redriveLateMessage(
        _ request: RedriveLateMessageRequest,
        _ call: Call
    ) async throws -> RedriveLateMessageResponse {
        let target = "\(request.group)/\(request.topic)/\(request.id)"
        let action = action("late.redrive", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.late.redrive", deadline: call.deadline) { tx in
            let (group, topic, id) = (request.group, request.topic, request.id)
            guard try LateEvents.redrive(group: group, topic: topic, id: id, in: tx) else { throw Fault.notLate(id) }
            try OperateAudit.write(action, before: "late", after: "redriving", in: tx)
            return RedriveLateMessageResponse()
        }
    }

    func dismissLateMessage(
        _ request: DismissLateMessageRequest,
        _ call: Call
    ) async throws -> DismissLateMessageResponse {
        let target = "\(request.group)/\(request.topic)/\(request.id)"
        let action = action("late.dismiss", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.late.dismiss", deadline: call.deadline) { tx in
            let message = try Self.late(group: request.group, topic: request.topic, id: request.id, in: tx)
            let (group, topic, id) = (request.group, request.topic, request.id)
            guard try LateEvents.dismiss(group: group, topic: topic, id: id, in: tx) else { throw Fault.notLate(id) }
            try OperateAudit.write(action, before: Self.auditText(message.event.body), after: "dropped", in: tx)
            return DismissLateMessageResponse()
        }
    }

    private static func late(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> LateMessage {
        guard let message = try LateEvents.show(group: group, topic: topic, id: id, in: tx) else {
            throw Fault.notLate(id)
        }
        return message
    }
}
