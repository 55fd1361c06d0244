import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import SwiftProtobuf

extension OperateHandler {
    func listGaps(_ request: ListGapsRequest, _ call: Call) async throws -> ListGapsResponse {
        try await call.read("operate.gaps.list", kind: .scan) { tx in
            let after = InboxKeyName(
                group: request.afterGroup,
                topic: request.afterTopic,
                key: request.afterKey,
                source: request.afterSource
            )
            let found = try gaps.list(after: request.afterGroup.isEmpty ? nil : after, in: tx)
            return .with { $0.gaps = found.map(GapRecord.init) }
        }
    }

    func fillGap(_ request: FillGapRequest, _ call: Call) async throws -> FillGapResponse {
        let name = InboxKeyName(
            group: request.group,
            topic: request.topic,
            key: request.key,
            source: request.source
        )
        let target = Self.target(of: name, epoch: request.epoch)
        let action = action("gap.fill", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.gaps.fill", deadline: call.deadline) { tx in
            guard gaps.hasSubscription(of: name) else { throw Fault.unknownGroup(name.group) }
            let body = try encoded(Array(request.body), json: request.bodyJson, of: request.topic)
            let isFilled = try gaps.fill(
                name,
                epoch: Int(request.epoch),
                sequence: request.sequence,
                body: body,
                at: request.publishedAt == 0 ? nil : Timestamp(microseconds: request.publishedAt),
                in: tx
            )
            guard isFilled else { throw Fault.notMissing(name.key) }
            let after = "\(request.sequence): \(Self.auditText(body))"
            try OperateAudit.write(action, before: "missing", after: after, in: tx)
            return FillGapResponse()
        }
    }

    func skipGap(_ request: SkipGapRequest, _ call: Call) async throws -> SkipGapResponse {
        guard request.firstSequence <= request.lastSequence else {
            throw Fault(.invalidArgument, .invalidRequest, "is before the first", field: "last_sequence")
        }
        let name = InboxKeyName(
            group: request.group,
            topic: request.topic,
            key: request.key,
            source: request.source
        )
        let target = Self.target(of: name, epoch: request.epoch)
        let action = action("gap.skip", on: target, because: request.reason, by: call)
        return try await call.database.transaction("operate.gaps.skip", deadline: call.deadline) { tx in
            let range = request.firstSequence...request.lastSequence
            guard try gaps.skip(name, epoch: Int(request.epoch), range, in: tx) else {
                throw Fault.notMissing(name.key)
            }
            let after = "skipped \(request.epoch)/\(range.lowerBound)-\(range.upperBound)"
            try OperateAudit.write(action, before: "missing", after: after, in: tx)
            return SkipGapResponse()
        }
    }

    private static func target(of name: InboxKeyName, epoch: Int64) -> String {
        "\(name.group)/\(name.topic)/\(name.key)/\(name.source)/\(epoch)"
    }
}
