import Console
import MartletCore
import MartletHost
import SwiftProtobuf

/// Sequences of a key that a group has not handled, as printed.
struct Gap: Encodable {
    let service: String
    let group: String
    let topic: String
    let key: String
    let source: String
    let epoch: Int64
    let first: Int64
    let last: Int64
    /// parked, waiting or returned.
    let state: String
    let since: String

    init(_ record: GapRecord, of service: String) {
        self.service = service
        group = record.group
        topic = record.topic
        key = record.key
        source = record.source
        epoch = record.epoch
        first = record.firstSequence
        last = record.lastSequence
        state = record.state
        since = Timestamp(microseconds: record.since).description
    }

    var sequences: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

extension OperatorClient {
    /// Gaps of all services, by service, group, topic, key, source and epoch.
    func gaps(group: String?, topic: String?, key: String?) async throws -> Responses<[Gap]> {
        try await queryAll { service in
            var records: [GapRecord] = []
            while records.count < Self.keysLimit {
                let request = ListGapsRequest.with {
                    $0.afterGroup = records.last?.group ?? ""
                    $0.afterTopic = records.last?.topic ?? ""
                    $0.afterKey = records.last?.key ?? ""
                    $0.afterSource = records.last?.source ?? ""
                }
                let page = try await service.calls.listGaps(request, context: service.context).gaps
                if page.isEmpty { break }
                records += page
            }
            return records.filter {
                (group ?? $0.group) == $0.group && (topic ?? $0.topic) == $0.topic && (key ?? $0.key) == $0.key
            }.map { Gap($0, of: service.name) }
        }
    }
}
