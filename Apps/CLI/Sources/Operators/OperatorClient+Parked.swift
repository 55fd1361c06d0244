import MartletHost
import SwiftProtobuf

/// A parked key of one consumer.
struct ParkedKey: Sendable, Encodable {
    let service: String
    let group: String
    let topic: String
    let key: String
    /// The number of parked events.
    let events: Int32
    let isRedriving: Bool
}

extension OperatorClient {
    /// The maximum number of keys read from one service.
    static let keysLimit = 10_000

    /// Parked keys of all services, by service, group, topic and key.
    func parkedKeys(group: String?, topic: String?) async throws -> Responses<[ParkedKey]> {
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

    /// The parked events of one key, in order.
    func parked(group: String, topic: String, key: String) async throws -> Responses<[ParkedEvent]> {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        return try await queryAll { service in
            try await service.calls.listParkedMessages(request, context: service.context).messages
                .map { ParkedEvent($0, of: service.name) }
        }
    }

    /// The number of events of each service that are committed and not published.
    ///
    /// Prints no warning for services that do not respond, since callers poll it.
    func unsentEvents() async throws -> Responses<Int64> {
        try await collect { try await $0.calls.countUnsentEvents(.init(), context: $0.context).events }.responses
    }
}
