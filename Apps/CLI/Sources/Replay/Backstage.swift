import Foundation
import MartletCore
import MartletHost
import SwiftProtobuf

/// What a replay must know behind the gateway: outboxes, topics and their groups, parked messages, stuck workflows.
struct Backstage: Sendable {
    /// Runs of one service that are counted, at most.
    static let runsLimit: UInt32 = 200

    /// What stands there at one moment.
    struct View: Sendable {
        /// Events that are committed and not published, by service; a service that does not answer is missing.
        var unsent: [String: Int64] = [:]
        var topics: [LogStatus.Topic] = []
        var parkedKeys = 0
        /// Runs that need a human.
        var stuckRuns = 0
        /// Services that do not answer operators, by name.
        var missing: [String] = []
    }

    private let folder: DataFolder

    init(data: String) { folder = DataFolder(data) }

    var path: String { folder.path }

    /// False for a shop that runs elsewhere: only its gateway can be asked then.
    private var isAtHand: Bool { FileManager.default.fileExists(atPath: folder.registry) }

    /// True when nothing waits to be published and no group has anything left to do.
    ///
    /// False, too, when somebody does not answer.
    func isQuiet() async throws -> Bool {
        guard isAtHand else { return true }
        do {
            // Twice: an event that took effect before its group was asked may have brought another into an outbox.
            guard try await isAllPublished(), try await LogStatus.read(folder).lag == 0 else { return false }
            return try await isAllPublished()
        } catch is CommandFailure {
            return false
        }
    }

    /// - Returns: `nil` for a shop that runs elsewhere.
    func look() async throws -> View? {
        guard isAtHand else { return nil }
        return try await OperatorDesk.with(folder, only: nil) { desk in
            let unsent = try await desk.unsentEvents()
            let parked = try await desk.parkedKeys(group: nil, topic: nil)
            let stuck = try await desk.ask { service in
                let request = ListWorkflowsRequest.with {
                    $0.state = "needs_human"
                    $0.limit = Self.runsLimit
                }
                return try await service.calls.listWorkflows(request, context: service.context).runs.count
            }
            return View(
                unsent: Dictionary(unsent.all.map { ($0.service, $0.answer) }, uniquingKeysWith: +),
                topics: try await LogStatus.read(folder).topics,
                parkedKeys: parked.all.reduce(0) { $0 + $1.answer.count },
                stuckRuns: stuck.all.reduce(0) { $0 + $1.answer },
                missing: Set(unsent.missing + parked.missing + stuck.missing).sorted()
            )
        }
    }

    private func isAllPublished() async throws -> Bool {
        try await OperatorDesk.with(folder, only: nil) { desk in
            let unsent = try await desk.unsentEvents()
            return unsent.missing.isEmpty && unsent.all.allSatisfy { $0.answer == 0 }
        }
    }
}

extension Reconciliation {
    mutating func compare(_ backstage: Backstage.View) {
        for (service, events) in backstage.unsent.sorted(by: { $0.key < $1.key }) {
            check("events of \(service) that are not published", expected: 0, found: events)
        }
        for topic in backstage.topics.sorted(by: { $0.name < $1.name }) {
            for group in topic.groups {
                check(
                    "events of \(topic.name) taken by \(group.name)",
                    expected: topic.published,
                    found: group.acknowledged
                )
            }
        }
        check("parked keys", expected: 0, found: backstage.parkedKeys)
        check("runs that need a human", expected: 0, found: backstage.stuckRuns)
        let missing = backstage.missing.joined(separator: " ")
        check("services that do not answer operators", expected: "none", found: missing.isEmpty ? "none" : missing)
    }
}
