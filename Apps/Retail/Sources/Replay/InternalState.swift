import Console
import Foundation
import MartletCore
import MartletHost
import SwiftProtobuf

/// State that the gateway does not expose: outboxes, topics and consumer groups, parked messages, stuck workflows.
struct InternalState: Sendable {
    /// The maximum number of runs counted per service.
    static let runsLimit: UInt32 = 200

    /// The state at one moment.
    struct Snapshot: Sendable {
        /// Events that are committed and not published, by service; a service that does not respond is missing.
        var unsent: [String: Int64] = [:]
        var topics: [LogStatus.Topic] = []
        var parkedKeys = 0
        /// Runs that need a human.
        var stuckRuns = 0
        /// Services that do not respond to operator calls, by name.
        var missing: [String] = []
    }

    private let folder: DataFolder

    init(data: String) { folder = DataFolder(data) }

    var path: String { folder.path }

    /// False for a shop on another machine, of which only the gateway can be queried.
    private var isLocal: Bool { FileManager.default.fileExists(atPath: folder.registry) }

    /// True when no event waits to be published and no consumer group lags; false when a service does not respond.
    func isQuiescent() async throws -> Bool {
        guard isLocal else { return true }
        do {
            // Twice: an event handled before the lag was read may have added another to an outbox.
            guard try await isAllPublished(), try await LogStatus.read(folder).lag == 0 else { return false }
            return try await isAllPublished()
        } catch is CommandFailure {
            return false
        }
    }

    /// - Returns: `nil` for a shop on another machine.
    func snapshot() async throws -> Snapshot? {
        guard isLocal else { return nil }
        return try await OperatorClient.with(folder, only: nil) { client in
            let unsent = try await client.unsentEvents()
            let parked = try await client.parkedKeys(group: nil, topic: nil)
            let stuck = try await client.queryAll { service in
                let request = ListWorkflowsRequest.with {
                    $0.state = "needs_human"
                    $0.limit = Self.runsLimit
                }
                return try await service.calls.listWorkflows(request, context: service.context).runs.count
            }
            return Snapshot(
                unsent: Dictionary(unsent.all.map { ($0.service, $0.response) }, uniquingKeysWith: +),
                topics: try await LogStatus.read(folder).topics,
                parkedKeys: parked.all.reduce(0) { $0 + $1.response.count },
                stuckRuns: stuck.all.reduce(0) { $0 + $1.response },
                missing: Set(unsent.missing + parked.missing + stuck.missing).sorted()
            )
        }
    }

    private func isAllPublished() async throws -> Bool {
        try await OperatorClient.with(folder, only: nil) { client in
            let unsent = try await client.unsentEvents()
            return unsent.missing.isEmpty && unsent.all.allSatisfy { $0.response == 0 }
        }
    }
}

extension Reconciliation {
    mutating func compare(_ snapshot: InternalState.Snapshot) {
        for (service, events) in snapshot.unsent.sorted(by: { $0.key < $1.key }) {
            check("events of \(service) that are not published", expected: 0, found: events)
        }
        for topic in snapshot.topics.sorted(by: { $0.name < $1.name }) {
            for group in topic.groups {
                check(
                    "events of \(topic.name) acknowledged by \(group.name)",
                    expected: topic.published,
                    found: group.acknowledged
                )
            }
        }
        check("parked keys", expected: 0, found: snapshot.parkedKeys)
        check("runs that need a human", expected: 0, found: snapshot.stuckRuns)
        let missing = snapshot.missing.joined(separator: " ")
        check("services that do not respond to operators", expected: "none", found: missing.isEmpty ? "none" : missing)
    }
}
