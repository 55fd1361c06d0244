import MartletHost
import SwiftProtobuf

/// A key whose events wait, in one consumer.
struct ParkedKey: Sendable, Encodable {
    let service: String
    let group: String
    let topic: String
    let key: String
    /// How many wait.
    let events: Int32
    let isRedriving: Bool
}

extension OperatorDesk {
    /// The most keys that are read of one service.
    static let keysLimit = 10_000

    /// Parked keys of all services, by service, group, topic and key.
    func parkedKeys(group: String?, topic: String?) async throws -> Answers<[ParkedKey]> {
        try await ask { service in
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

    /// The events of one key, in their order.
    func parked(group: String, topic: String, key: String) async throws -> Answers<[ParkedEvent]> {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        return try await ask { service in
            try await service.calls.listParkedMessages(request, context: service.context).messages
                .map { ParkedEvent($0, of: service.name) }
        }
    }

    /// How many events of each service are committed and not published.
    ///
    /// Tells nobody of those that do not answer: it is asked again and again.
    func unsentEvents() async throws -> Answers<Int64> {
        try await gather { try await $0.calls.countUnsentEvents(.init(), context: $0.context).events }.answers
    }
}
