import Foundation
import MartletCore
import MartletHost
import SwiftProtobuf

/// What a replay must know behind the gateway: topics and their groups, parked messages, stuck workflows.
struct Backstage: Sendable {
    /// Runs of one service that are counted, at most.
    static let runsLimit: UInt32 = 200

    private let folder: DataFolder

    init(data: String) { folder = DataFolder(data) }

    /// False for a shop that runs elsewhere: only its gateway can be asked then.
    var isAtHand: Bool { FileManager.default.fileExists(atPath: folder.registry) }

    /// True when no group has anything left to do.
    func isQuiet() async throws -> Bool {
        guard isAtHand else { return true }
        return try await LogStatus.read(folder).lag == 0
    }

    func compare(_ reconciliation: inout Reconciliation) async throws {
        guard isAtHand else {
            reconciliation.remark(
                "\(folder.path) is no data folder of this shop: topics and workflows were not compared"
            )
            return
        }
        for topic in try await LogStatus.read(folder).topics.sorted(by: { $0.name < $1.name }) {
            for group in topic.groups {
                reconciliation.check(
                    "events of \(topic.name) taken by \(group.name)",
                    expected: topic.published,
                    found: group.acknowledged
                )
            }
        }
        let desk = try await OperatorDesk.open(folder, only: nil)
        reconciliation.check(
            "parked keys",
            expected: 0,
            found: try await desk.parkedKeys(group: nil, topic: nil).count
        )
        let stuck = try await desk.ask { service in
            let request = ListWorkflowsRequest.with {
                $0.state = "needs_human"
                $0.limit = Self.runsLimit
            }
            return try await service.calls.listWorkflows(request, context: service.context).runs.count
        }
        reconciliation.check("runs that need a human", expected: 0, found: stuck.reduce(0) { $0 + $1.1 })
        reconciliation.check("services that answer operators", expected: desk.services.count, found: stuck.count)
    }
}
