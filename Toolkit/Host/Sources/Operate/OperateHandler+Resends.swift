import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SwiftProtobuf

extension OperateHandler {
    func startResend(_ request: StartResendRequest, _ call: Call) async throws -> StartResendResponse {
        let selection = Resend.Selection(
            since: Timestamp(microseconds: request.since),
            topic: request.topic,
            key: request.key,
            rate: request.rate == 0 ? Resend.Selection.ratePreset : Int(request.rate)
        )
        let target = "\(request.topic.isEmpty ? "*" : request.topic)/\(request.key.isEmpty ? "*" : request.key)"
        let action = action("resend.start", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.resends.start", deadline: call.deadline) { tx in
            let number = try Resends.start(selection, in: tx)
            let after = "number=\(number) since=\(selection.since) rate=\(selection.rate)"
            try OperateAudit.write(action, before: "", after: after, in: tx)
            return .with { $0.number = number }
        }
    }

    func listResends(_ request: ListResendsRequest, _ call: Call) async throws -> ListResendsResponse {
        try await call.read("operate.resends.list", kind: .scan) { tx in
            let resends = try Resends.list(before: request.beforeNumber, in: tx)
            return .with { $0.resends = resends.map(ResendRecord.init) }
        }
    }

    func stopResend(_ request: StopResendRequest, _ call: Call) async throws -> StopResendResponse {
        let action = action("resend.stop", on: "\(request.number)", because: request.reason, by: call)
        return try await call.database.transaction("operate.resends.stop", deadline: call.deadline) { tx in
            guard try Resends.stop(request.number, in: tx) else { throw Fault.unknownResend(request.number) }
            try OperateAudit.write(action, before: "", after: "stopped", in: tx)
            return StopResendResponse()
        }
    }
}
