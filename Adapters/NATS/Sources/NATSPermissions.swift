import MartletCore
public import MartletMessaging

/// What the servers are to permit the user of a service, as `BusPolicy` decides it: they enforce what the adapter checks.
///
/// A service publishes on its own topics, reads those of services that it speaks to by the group of its name, and gets the
/// answers to its own requests. Groups of other names need permissions of their own.
///
/// ```swift
/// func configuration(_ policy: BusPolicy, topics: [String], _ settings: NATSSettings) -> String {
///     let permissions = NATSPermissions(of: "codes", policy: policy, topics: topics, settings: settings)
///     return "authorization { users: [ { user: codes, password: $CODES, permissions: \(permissions.text) } ] }"
/// }
/// ```
public struct NATSPermissions: Sendable, Hashable {
    /// The subjects that the service may publish on.
    public let publish: [String]
    /// The subjects that it may subscribe to.
    public let subscribe: [String]

    /// - Parameters:
    ///   - service: The service.
    ///   - policy: What it may use.
    ///   - topics: All topics of the system.
    ///   - settings: Of the adapter: the prefix, and the partitions of topics that declare none.
    public init(of service: String, policy: BusPolicy, topics: [String], settings: NATSSettings) {
        let names = NATSNames(prefix: settings.prefix)
        let name = ExactText(service)
        var publish: [String] = []
        var subscribe = ["\(NATSNames.inbox(of: service)).>"]
        for topic in topics.map({ ExactText($0) }).sorted().map(\.text) {
            let stream = names.stream(topic)
            let isOwn = policy.denial(ofDeclaring: topic, by: name) == nil
            if isOwn {
                publish.append("\(names.prefix).events.\(NATSNames.coded(topic)).*")
                publish += ["UPDATE", "PURGE", "MSG.GET"].map { "$JS.API.STREAM.\($0).\(stream)" }
            }
            guard isOwn || policy.denial(ofReading: topic, by: name) == nil else { continue }
            // Of topics that it reads, too: a consumer may start before the publisher.
            publish += ["INFO", "CREATE"].map { "$JS.API.STREAM.\($0).\(stream)" }
            publish.append("$JS.API.CONSUMER.LIST.\(stream)")
            let partitions = policy.partitions(of: topic) ?? settings.limits.partitions
            for partition in 0..<partitions {
                let consumer = names.consumer(service, partition)
                publish.append("$JS.API.CONSUMER.CREATE.\(stream).\(consumer).\(names.subject(topic, partition))")
                publish += ["INFO", "DELETE", "UNPIN", "MSG.NEXT"].map {
                    "$JS.API.CONSUMER.\($0).\(stream).\(consumer)"
                }
                // The second form is that of servers with domains.
                publish += ["$JS.ACK.\(stream).\(consumer).>", "$JS.ACK.*.*.\(stream).\(consumer).>"]
            }
            publish.append(names.members(topic, service))
            subscribe.append(names.members(topic, service))
        }
        self.publish = publish
        self.subscribe = subscribe
    }

    /// For `permissions` of a user in the servers' configuration.
    public var text: String {
        func list(_ subjects: [String]) -> String { subjects.map { "\"\($0)\"" }.joined(separator: ", ") }
        return "{ publish: [\(list(publish))], subscribe: [\(list(subscribe))] }"
    }
}
