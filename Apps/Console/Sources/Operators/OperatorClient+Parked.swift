import MartletHost
import SwiftProtobuf

/// A parked key of one consumer.
package struct ParkedKey: Sendable, Encodable {
    package let service: String
    package let group: String
    package let topic: String
    package let key: String
    /// The number of parked events.
    package let events: Int32
    package let isRedriving: Bool
}

extension OperatorClient {
    /// The maximum number of keys read from one service.
    package static let keysLimit = 10_000

    /// Parked keys of all services, by service, group, topic and key.
    package func parkedKeys(group: String?, topic: String?) async throws -> Responses<[ParkedKey]> {
        try await queryAll { service in
            var keys: [ParkedKeyRecord] = []
            while keys.count < Self.keysLimit {
                let request = ListParkedKeysRequest.with {
                    $0.afterGroup = keys.last?.group ?? ""
                    $0.afterTopic = keys.last?.topic ?? ""
                    $0.afterKey = keys.last?.key ?? ""
                }
                let page = try await service.calls.listParkedKeys(request, context: service.context).keys
                if page.isEmpty { break }
                keys += page
            }
            return keys.filter { (group ?? $0.group) == $0.group && (topic ?? $0.topic) == $0.topic }
                .map {
                    ParkedKey(
                        service: service.name,
                        group: $0.group,
                        topic: $0.topic,
                        key: $0.key,
                        events: $0.count,
                        isRedriving: $0.redriving
                    )
                }
        }
    }

    /// The number of events of each service that are committed and not published.
    ///
    /// Prints no warning for services that do not respond, since callers poll it.
    package func unsentEvents() async throws -> Responses<Int64> {
        try await collect { try await $0.calls.countUnsentEvents(.init(), context: $0.context).events }.responses
    }
}
