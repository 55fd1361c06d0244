import Logging
public import MartletCore
public import MartletMessaging
import Synchronization

/// The topics of a system on NATS JetStream, for one service.
///
/// A topic is a stream, its partitions are subjects, a group is one consumer for each partition. Every publication is
/// acknowledged by the server, which writes it to the disk first: a server with other settings is refused. A
/// stream removes nothing that a group has not acknowledged. ``run()`` keeps memberships alive and purges: groups are joined
/// only while it runs. Safe to share between tasks.
///
/// ```swift
/// func consume(_ settings: NATSSettings, policy: BusPolicy) async throws {
///     let bus = try await NATSBus.open(settings, service: "codes", policy: policy, runtime: .system)
///     try await withThrowingTaskGroup(of: Void.self) { group in
///         group.addTask { try await bus.run() }
///         let member = try await bus.join(topic: "links.v1.created", group: "codes", start: .earliest)
///         try await member.acknowledge(member.receive(limit: 10).map(\.id))
///         group.cancelAll()
///     }
/// }
/// ```
public final class NATSBus: MessageBus {
    struct State {
        /// Replaced when its server serves nothing.
        var link: NATSLink
        /// How many partitions each known topic has.
        var topics: [ExactText: Int] = [:]
        /// The topics that this service has declared as their publisher: it purges them.
        var owned: Set<ExactText> = []
        var isRunning = false
    }

    let settings: NATSSettings
    let service: ExactText
    let policy: BusPolicy
    let runtime: Runtime
    let names: NATSNames
    let state: Mutex<State>

    var link: NATSLink { state.withLock { $0.link } }
    var limits: NATSLimits { settings.limits }
    var time: any TimeSource { runtime.time }
    var streams: JetStream {
        let link = link
        return JetStream(connection: link.connection, calls: link.calls, time: time, timeout: limits.callTimeout)
    }

    /// Connects, or begins to: servers that are away are tried again.
    ///
    /// - Parameters:
    ///   - settings: Where the servers are.
    ///   - service: The service that publishes, declares and joins.
    ///   - policy: What it may use. The servers can enforce the same by their users' permissions: see ``NATSPermissions``.
    ///   - runtime: The clock for deadlines, and random numbers for names.
    /// - Throws: `Fault` with `invalidArgument` for settings that cannot be used.
    public static func open(
        _ settings: NATSSettings,
        service: String,
        policy: BusPolicy,
        runtime: Runtime
    ) async throws -> NATSBus {
        guard settings.acceptsUnsyncedWrites || !settings.monitoring.isEmpty else {
            throw NATSFault.library("a monitoring endpoint is required, where the servers' sync_interval is read")
        }
        let link = try await NATSLink.open(settings, service: service, runtime)
        return NATSBus(settings, service: service, policy: policy, runtime: runtime, link: link)
    }

    private init(
        _ settings: NATSSettings,
        service: String,
        policy: BusPolicy,
        runtime: Runtime,
        link: NATSLink
    ) {
        self.settings = settings
        self.service = ExactText(service)
        self.policy = policy
        self.runtime = runtime
        names = NATSNames(prefix: settings.prefix)
        state = Mutex(State(link: link))
    }

    // MARK: Topics

    public func declare(_ declaration: BusDeclaration) async throws {
        for plan in declaration.groups { try admit(plan) }
        for plan in declaration.topics {
            guard TopicRule.isValid(plan.name) else { throw NATSFault.invalidTopic }
            let denial = policy.denial(ofDeclaring: plan.name, by: service)
            // A consumer declares its group with the topic, which it may know from another version of the contract.
            let isOwn = !declaration.groups.contains { ExactText($0.topic) == ExactText(plan.name) }
            if let denial, isOwn { throw denial.fault }
            let admitted = denial == nil ? plan : TopicPlan(plan.name, partitions: policy.partitions(of: plan.name))
            try await declare(admitted, isOwn: isOwn)
        }
        for plan in declaration.groups { _ = try await partitions(of: plan.topic) }
    }

    private func declare(_ plan: TopicPlan, isOwn: Bool) async throws {
        try await requireDurable()
        let stream = try await makeStream(plan)
        guard let partitions = stream.config.subjects?.count, isOwn else { return }
        state.withLock { _ = $0.owned.insert(ExactText(plan.name)) }
        let declared = plan.partitions.map { $0 == partitions ? "" : "\($0)" } ?? ""
        if !declared.isEmpty {
            Logger.current.error(
                "a topic has another number of partitions than its publisher declares, and keeps it",
                metadata: ["topic": "\(plan.name)", "partitions": "\(partitions)", "declared": "\(declared)"]
            )
        }
        let retention = plan.retention.map { "\($0.components.seconds)" } ?? ""
        let notes = [StreamNote.declared: declared, StreamNote.retention: retention]
        let known = stream.config.metadata ?? [:]
        guard notes.contains(where: { known[$0.key] ?? "" != $0.value }) else { return }
        try await answered { try await streams.note(notes, on: stream.config.name) }
    }

    /// Makes the topic's stream, unless it exists.
    private func makeStream(_ plan: TopicPlan) async throws -> JetStream.StreamInfo {
        let partitions = plan.partitions ?? limits.partitions
        var config = JetStream.StreamConfig(
            name: names.stream(plan.name),
            subjects: (0..<partitions).map { names.subject(plan.name, $0) },
            metadata: [StreamNote.topic: plan.name]
        )
        config.maxBytes = limits.streamBytes
        config.replicas = settings.replicas
        let stream = try await answered { [config] in
            if let known = try await streams.stream(config.name) { return known }
            return try await streams.makeStream(config)
        }
        if let known = stream.config.subjects?.count {
            state.withLock { $0.topics[ExactText(plan.name)] = known }
        }
        return stream
    }

    /// How many partitions a topic has.
    ///
    /// - Throws: `Fault` for a topic that no service has declared.
    func partitions(of topic: String) async throws -> Int {
        if let known = state.withLock({ $0.topics[ExactText(topic)] }) { return known }
        guard TopicRule.isValid(topic) else { throw NATSFault.invalidTopic }
        let found = try await answered { try await streams.stream(names.stream(topic)) }
        let stream: JetStream.StreamInfo? =
            if found == nil, limits.acceptsUndeclared { try await makeStream(TopicPlan(topic)) } else { found }
        guard let partitions = stream?.config.subjects?.count else { throw NATSFault.unknownTopic(topic) }
        state.withLock { $0.topics[ExactText(topic)] = partitions }
        return partitions
    }

    /// Runs a call, with a refusal of the server as a `Fault`.
    func answered<R>(_ call: () async throws -> R) async throws -> R {
        do {
            return try await call()
        } catch let failure as JetStream.Failure {
            throw failure.fault
        }
    }

    // MARK: Status

    public func status() async throws -> [TopicStatus] {
        try await answered {
            var topics: [TopicStatus] = []
            for stream in try await streams.streams(matching: names.allSubjects) {
                guard let topic = stream.config.metadata?[StreamNote.topic] else { continue }
                let groups = try await streams.consumers(of: stream.config.name)
                var status = TopicStatus(
                    topic: topic,
                    published: stream.state.last,
                    groups: Self.groups(groups, published: stream.state.last)
                )
                status.partitions = stream.config.subjects?.count ?? 0
                status.declaredPartitions = stream.config.metadata?[StreamNote.declared].flatMap { Int($0) }
                topics.append(status)
            }
            return topics.sorted { ExactText($0.topic) < ExactText($1.topic) }
        }
    }

    private static func groups(_ consumers: [JetStream.ConsumerInfo], published: Int64) -> [TopicStatus.Group] {
        var lags: [ExactText: Int64] = [:]
        for consumer in consumers {
            guard let name = NATSNames.group(ofConsumer: consumer.name)?.group else { continue }
            lags[ExactText(name), default: 0] += consumer.pending + consumer.unacknowledged
        }
        return lags.sorted { $0.key < $1.key }.map { name, lag in
            TopicStatus.Group(name: name.text, acknowledged: published - lag, lag: lag)
        }
    }
}

/// What we note on a stream, beside its configuration.
enum StreamNote {
    /// The topic's name.
    static let topic = "martlet-topic"
    /// The declared partitions, when they are others than the stream has.
    static let declared = "martlet-declared-partitions"
    /// The declared retention, in seconds.
    static let retention = "martlet-retention-seconds"
}
