public import MartletCore

/// Which service owns each topic, and whose topics each service reads: what a broker decides by, as a value.
///
/// The owner of a topic, and no other service, declares it and publishes on it. A service reads its own topics, and those of
/// the services that it speaks to: whose methods it calls, or whose events it subscribes to. No caller is exempt.
public struct BusPolicy: Sendable, Hashable {
    /// A topic that a contract declares.
    public struct Topic: Sendable, Hashable {
        public let name: String
        /// The service that publishes on it.
        public let publisher: String
        /// In how many partitions its contract has it stored; `nil` for the broker's own number.
        public let partitions: Int?

        /// - Parameters:
        ///   - name: The name of the topic.
        ///   - publisher: The service that publishes on it.
        ///   - partitions: 1 to ``TopicPlan/partitionsLimit``, or `nil`.
        public init(_ name: String, publisher: String, partitions: Int? = nil) {
            precondition(partitions.map { 1...TopicPlan.partitionsLimit ~= $0 } ?? true)
            self.name = name
            self.publisher = publisher
            self.partitions = partitions
        }
    }

    /// Why something is refused: for operators, and without data of an event.
    public struct Denial: Sendable, Hashable, FaultConvertible {
        /// Stable, for code and metrics.
        public let reason: Reason
        public let message: String

        public var fault: Fault { Fault(.permissionDenied, reason, message) }

        package init(_ reason: Reason, _ message: String) {
            self.reason = reason
            self.message = message
        }
    }

    private enum Rule: Sendable, Hashable {
        /// As the contracts declare.
        case contracts(topics: [ExactText: Topic], sources: [ExactText: Set<ExactText>])
        /// One service owns everything.
        case sole(ExactText)
    }

    private let rule: Rule

    /// The policy of a system.
    ///
    /// - Parameters:
    ///   - topics: All topics. Of two with one name, the first counts.
    ///   - edges: Each service with one that it speaks to. A service without an edge reads only its own topics.
    public init(topics: [Topic], edges: [(service: String, source: String)]) {
        let named = topics.map { (ExactText($0.name), $0) }
        let sources = edges.map { (ExactText($0.service), Set([ExactText($0.source)])) }
        rule = .contracts(
            topics: Dictionary(named) { first, _ in first },
            sources: Dictionary(sources) { $0.union($1) }
        )
    }

    private init(_ rule: Rule) { self.rule = rule }

    /// One service owns all topics, whatever their names are: for tests and measurements of one service.
    public static func sole(_ service: String) -> BusPolicy { BusPolicy(.sole(ExactText(service))) }

    /// The service that publishes on a topic; `nil` when no contract declares it.
    public func owner(of topic: String) -> ExactText? {
        switch rule {
        case .contracts(let topics, _): topics[ExactText(topic)].map { ExactText($0.publisher) }
        case .sole(let service): service
        }
    }

    /// In how many partitions a topic is stored; `nil` when its contract does not state it.
    public func partitions(of topic: String) -> Int? {
        guard case .contracts(let topics, _) = rule else { return nil }
        return topics[ExactText(topic)]?.partitions
    }

    // MARK: Decisions

    /// Why a service may not publish an event; `nil` when it may.
    public func denial(ofPublishing event: Envelope, by service: ExactText) -> Denial? {
        if let denied = denial(ofDeclaring: event.topic, by: service) { return denied }
        guard ExactText(event.source) != service else { return nil }
        return Denial(
            .foreignSource,
            "\(service) published an event of the source \(event.source) on \(event.topic): a service publishes its own"
        )
    }

    /// Why a service may not declare a topic; `nil` when it may.
    public func denial(ofDeclaring topic: String, by service: ExactText) -> Denial? {
        guard let owner = owner(of: topic) else { return .withoutOwner(topic, service) }
        guard owner != service else { return nil }
        return Denial(
            .notOwner,
            "\(service) may neither declare the topic \(topic) nor publish on it: it belongs to \(owner)"
        )
    }

    /// Why a service may not read a topic; `nil` when it may.
    public func denial(ofReading topic: String, by service: ExactText) -> Denial? {
        guard let owner = owner(of: topic) else { return .withoutOwner(topic, service) }
        guard owner != service, !sources(of: service).contains(owner) else { return nil }
        return Denial(
            .noEdge,
            "\(service) may not read the topic \(topic): it neither calls \(owner) nor subscribes to its events"
        )
    }

    /// Why a service may not begin a group of this name; `nil` when it may.
    ///
    /// A group with the name of a service is that service's, also before it has joined.
    public func denial(ofBeginning group: String, by service: ExactText) -> Denial? {
        let name = ExactText(group)
        guard name != service, isService(name) else { return nil }
        return .foreignGroup(group, of: name, service)
    }

    private func sources(of service: ExactText) -> Set<ExactText> {
        guard case .contracts(_, let sources) = rule else { return [] }
        return sources[service] ?? []
    }

    private func isService(_ name: ExactText) -> Bool {
        switch rule {
        case .contracts(let topics, let sources):
            sources[name] != nil || topics.values.contains { ExactText($0.publisher) == name }
                || sources.values.contains { $0.contains(name) }
        case .sole(let service): service == name
        }
    }
}

extension BusPolicy.Denial {
    fileprivate static func withoutOwner(_ topic: String, _ service: ExactText) -> Self {
        Self(.withoutOwner, "\(service) may not use the topic \(topic): no contract declares it")
    }

    /// The group belongs to another service.
    package static func foreignGroup(_ group: String, of owner: ExactText, _ service: ExactText) -> Self {
        Self(.foreignGroup, "\(service) may not use the group \(group): it belongs to \(owner)")
    }
}

extension Reason {
    /// The topic belongs to another service.
    package static let notOwner: Reason = "bus.not_owner"
    /// No contract declares the topic.
    package static let withoutOwner: Reason = "bus.topic_without_owner"
    /// An event names another service as its source than the one that publishes it.
    package static let foreignSource: Reason = "bus.foreign_source"
    /// A service reads a topic of a service that it does not speak to.
    package static let noEdge: Reason = "bus.no_edge"
    /// The consumer group belongs to another service.
    package static let foreignGroup: Reason = "bus.foreign_group"
    /// The member of a consumer group belongs to another service.
    package static let foreignMember: Reason = "bus.foreign_member"
}
