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
    func parkedKeys(group: String?, topic: String?) async throws -> [ParkedKey] {
        let answers = try await ask { service in
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
            return keys
        }
        return answers.flatMap { service, keys in
            keys.filter { (group ?? $0.group) == $0.group && (topic ?? $0.topic) == $0.topic }
                .map {
                    ParkedKey(
                        service: service,
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
    func parked(group: String, topic: String, key: String) async throws -> [ParkedEvent] {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        return try await ask { try await $0.calls.listParkedMessages(request, context: $0.context).messages }
            .flatMap { service, messages in messages.map { ParkedEvent($0, of: service) } }
    }
}
