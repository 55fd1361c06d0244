import MartletCore
public import MartletMessaging

/// The conformance suite of message brokers.
///
/// An adapter's test runs each check on a new bus:
/// `@Test(arguments: MessageBusConformance.checks) func conforms(to check: MessageBusConformance.Check) async throws {
/// try await check.run { time in … } }`
public enum MessageBusConformance {
    /// One requirement of a bus.
    public struct Check: Sendable, CustomStringConvertible {
        public let description: String
        let body: @Sendable (any MessageBus, ManualTime) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (any MessageBus, ManualTime) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// - Parameter make: An empty bus whose delays follow the given time, of the service `test`, which may publish on any
        ///   topic and read it.
        /// - Throws: ``MessageBusConformanceFailure`` when the check fails.
        public func run(_ make: (ManualTime) async throws -> any MessageBus) async throws {
            let time = ManualTime()
            try await body(try await make(time), time)
        }
    }

    public static let checks = delivery + redelivery + sharing + counts
}

/// A bus has failed a check.
public struct MessageBusConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

// MARK: - Helpers of the checks

func expect(_ condition: Bool, _ what: String, file: StaticString = #fileID, line: Int = #line) throws {
    guard !condition else { return }
    throw MessageBusConformanceFailure(description: "\(what) (\(file):\(line))")
}

extension Envelope {
    /// The `sequence`-th event of `key` on the topic `things`.
    static func numbered(_ sequence: Int64, of key: String = "k", on topic: String = "things") -> Envelope {
        Envelope(
            id: "test/1/\(topic)/\(key)/\(sequence)",
            source: "test",
            epoch: 1,
            topic: topic,
            key: key,
            sequence: sequence,
            time: Timestamp(seconds: 1_767_225_600),
            traceparent: nil,
            body: [1, 2, 3]
        )
    }
}

extension MessageBus {
    func join(
        _ group: String,
        _ start: GroupStart = .earliest,
        on topic: String = "things"
    ) async throws -> any GroupMember {
        try await join(topic: topic, group: group, start: start)
    }

    func counts(of group: String, on topic: String = "things") async throws -> TopicStatus.Group? {
        try await status().first { ExactText($0.topic) == ExactText(topic) }?.groups.first { $0.name == group }
    }
}

extension GroupMember {
    /// Receives until there are `count` deliveries; acknowledges none.
    func receive(exactly count: Int) async throws -> [Delivery] {
        var deliveries: [Delivery] = []
        while deliveries.count < count { deliveries += try await receive(limit: count - deliveries.count) }
        return deliveries
    }
}
