import Foundation
public import MartletCore
public import MartletMessaging

/// The conformance suite of message brokers.
///
/// An adapter's test runs each check on a new bus, whose delays follow a clock that the suite advances:
/// `@Test(arguments: MessageBusConformance.checks) func conforms(to check: MessageBusConformance.Check) async throws {
/// try await check.run { time in … } }`
///
/// A broker that has clocks of its own is tested on the real time, and may serve several checks at once:
/// `@Test(arguments: MessageBusConformance.checks(of: capabilities)) func conforms(to check: MessageBusConformance.Check)
/// async throws { try await check.run(on: SystemTime()) { bus } }`
public enum MessageBusConformance {
    /// One requirement of a bus.
    public struct Check: Sendable, CustomStringConvertible {
        public let description: String
        /// What a bus must be able to do for it.
        public let needs: Set<Capability>
        let body: @Sendable (any MessageBus, ConformanceClock) async throws -> Void

        init(
            _ description: String,
            needs: Set<Capability> = [],
            _ body: @escaping @Sendable (any MessageBus, ConformanceClock) async throws -> Void
        ) {
            self.description = description
            self.needs = needs
            self.body = body
        }

        /// - Parameter make: An empty bus whose delays follow the given time, of the service `test`, which may publish on any
        ///   topic and read it.
        /// - Throws: ``MessageBusConformanceFailure`` when the check fails.
        public func run(_ make: (ManualTime) async throws -> any MessageBus) async throws {
            let time = ManualTime()
            try await body(try await make(time), ConformanceClock(time: time, manual: time))
        }

        /// Runs on a bus that has a clock of its own: what waits for a delay takes that long.
        ///
        /// - Parameters:
        ///   - time: The real clock.
        ///   - make: A bus of the service `test`, as for ``run(_:)``. It may have other topics: the check's have names that no
        ///     other check has. What a member does not acknowledge must be delivered to another one within seconds.
        /// - Throws: ``MessageBusConformanceFailure`` when the check fails.
        public func run(on time: any TimeSource, _ make: () async throws -> any MessageBus) async throws {
            let mark = "-\(Identifier(time: time, entropy: SystemEntropy()))"
            try await body(
                MarkedTopics(bus: try await make(), mark: mark),
                ConformanceClock(time: time, manual: nil)
            )
        }
    }

    /// What not every broker can do: an adapter declares what its can.
    public enum Capability: String, Sendable, CaseIterable {
        /// A new group can start at the oldest event, not only at the next one.
        case startsAtOldest = "starts at the oldest"
        /// A group can go back to the oldest event, as one of a restored service does.
        case goesBack = "goes back"
        /// A delivery can be acknowledged before an earlier one.
        case acknowledgesEach = "acknowledges each"
        /// A redelivery can be delayed.
        case delays = "delays"
        /// A redelivery is counted as another attempt.
        case countsAttempts = "counts attempts"
        /// Another member gets what a living one never acknowledges.
        case takesFromStuck = "takes from the stuck"
        /// Published events, acknowledgements and lags are reported.
        case reportsCounts = "reports counts"
    }

    public static let checks = delivery + redelivery + sharing + counts

    /// The checks that a bus with these capabilities must pass.
    public static func checks(of capabilities: Set<Capability>) -> [Check] {
        checks.filter { $0.needs.isSubset(of: capabilities) }
    }

    /// Whether the table of brokers in the guide of adapters states what this one can do; its columns are the capabilities.
    ///
    /// - Parameters:
    ///   - name: As in the table.
    ///   - capabilities: What the bus can do, which its checks prove.
    /// - Throws: ``MessageBusConformanceFailure`` with the row that the guide should have.
    package static func requireRow(of name: String, _ capabilities: Set<Capability>) throws {
        let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let guide = try String(contentsOf: root.appending(path: "Docs/Guides/Adapters.md"), encoding: .utf8)
        let header = row("Broker", Capability.allCases.map(\.rawValue))
        let cells = Capability.allCases.map { capabilities.contains($0) ? "yes" : "no" }
        for line in [header, row(name, cells)] where !guide.contains(line + "\n") {
            throw MessageBusConformanceFailure(description: "the guide lacks this row: \(line)")
        }
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        "| \(([name] + cells).joined(separator: " | ")) |"
    }
}

/// How time passes in a check.
struct ConformanceClock: Sendable {
    let time: any TimeSource
    /// `nil` on the real time.
    let manual: ManualTime?

    /// Lets a delay of the bus pass; on the real time it passes by itself.
    func advance(by duration: Duration) { manual?.advance(by: duration) }

    /// Returns when the bus waits, so that advancing the clock wakes it.
    func waitForSleepers() async { await manual?.waitForSleepers() }
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
