import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SwiftProtobuf

extension OperateHandler {
    func listGroupLosses(_ request: ListGroupLossesRequest, _ call: Call) async throws -> ListGroupLossesResponse {
        try await call.read("operate.losses.list") { tx in
            let losses = try InboxLosses.list(after: request.afterID, confirmed: request.confirmed, in: tx)
            return .with { $0.losses = losses.map(GroupLossRecord.init) }
        }
    }

    func confirmGroupLoss(_ request: ConfirmGroupLossRequest, _ call: Call) async throws -> ConfirmGroupLossResponse {
        let action = action("loss.confirm", on: "\(request.id)", because: request.reason, by: call)
        return try await call.database.transaction("operate.losses.confirm", deadline: call.deadline) { tx in
            if let events = try InboxLosses.confirm(request.id, by: action.who, in: tx) {
                try OperateAudit.write(action, before: "\(events) events", after: "confirmed", in: tx)
            } else if try !InboxLosses.exists(request.id, in: tx) {
                throw Fault.unknownLoss(request.id)
            }
            return ConfirmGroupLossResponse()
        }
    }
}
