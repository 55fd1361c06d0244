import MartletCore

/// Which relay publishes which partitions of an outbox: the decision of one relay, as a value without database, clock
/// or task.
///
/// The relays of a database share its partitions equally. A partition is given to another relay by name, as an offer
/// that ends soon unless it is taken, so that no partition waits for a process that has ended. A relay that started a
/// moment ago has no share while others are proven, and leases of only a few seconds: a replica that crashes again and
/// again gets nothing that would have to wait for its leases.
struct RelayShares: Sendable {
    /// A relay, as its row describes it.
    struct Relay: Sendable, Equatable {
        /// The name of its instance, which a restart keeps.
        let instance: ExactText
        /// When its process started.
        var since: Timestamp
        /// Until when the process counts as alive.
        var leaseEnd: Timestamp
    }

    /// Who may publish a partition.
    struct Holding: Sendable, Equatable {
        var instance: ExactText
        /// Until when; from then on the partition is free.
        var end: Timestamp
        /// Whether another relay gave it to the owner, which has not taken it yet.
        var isOffer = false
    }

    /// A partition that changes its owner.
    struct Handover: Sendable, Equatable {
        let partition: Int
        let successor: ExactText
    }

    /// What the relay does now.
    struct Decision: Sendable, Equatable {
        /// How long its row and its leases last from now on.
        var lease: Duration
        /// Its partitions whose leases it renews; offers become leases.
        var kept: [Int] = []
        /// Free partitions that it takes.
        var taken: [Int] = []
        /// Its partitions that it offers to others.
        var handovers: [Handover] = []
        /// Relays that did not take what was offered to them: they count as ended until they renew their rows.
        var lapsed: [ExactText] = []
        /// Whether it has less than its share, so that others must give.
        var isLacking = false
        /// How long until it decides again.
        var next: Duration
    }

    /// The least pause between two decisions.
    private static let pauseMin = Duration.milliseconds(10)

    private let instance: ExactText
    private let now: Timestamp
    private let limits: OutboxRelay.Limits
    /// The living relays, with this one.
    private let relays: [Relay]
    private let holdings: [Int: Holding]
    private let lapsed: [ExactText]

    /// - Parameters:
    ///   - instance: The deciding relay; it has a row.
    ///   - relays: All rows, in any order.
    ///   - holdings: The last owner of each partition; a partition that never had one is missing.
    ///   - now: By the clock of the rows.
    ///   - limits: Its leases.
    init(
        of instance: ExactText,
        relays: [Relay],
        holdings: [Int: Holding],
        at now: Timestamp,
        limits: OutboxRelay.Limits
    ) {
        let silent = Set(holdings.values.filter { $0.isOffer && $0.end <= now }.map(\.instance)).subtracting([instance])
        self.instance = instance
        self.holdings = holdings
        self.now = now
        self.limits = limits
        let alive = relays.filter { $0.leaseEnd > now || $0.instance == instance }
        lapsed = alive.map(\.instance).filter(silent.contains).sorted()
        self.relays = alive.filter { !silent.contains($0.instance) }
    }

    /// What the relay does now.
    var decision: Decision {
        let own = held(by: instance)
        let sharing = sharing(among: relays)
        let targets = targets(of: sharing)
        let target = targets[instance] ?? 0
        let isNew = relays.contains { $0.instance == instance && isUnproven($0) }
        var decision = Decision(lease: isNew ? limits.shortLease : limits.lease, lapsed: lapsed, next: .zero)
        var counts = counts(of: sharing)
        for partition in own.reversed().prefix(max(0, own.count - target)) {
            let others = sharing.filter { $0 != instance && counts[$0, default: 0] < targets[$0, default: 0] }
            guard let successor = most(lacking: others, targets, counts) else { break }
            counts[successor, default: 0] += 1
            decision.handovers.append(Handover(partition: partition, successor: successor))
        }
        decision.kept = own.filter { partition in !decision.handovers.contains { $0.partition == partition } }
        let free = (0..<Outbox.partitions).filter { isFree($0, since: .zero) }
        let missing = max(0, target - decision.kept.count)
        decision.taken =
            Array(free.prefix(missing)) + free.dropFirst(missing).filter { isFree($0, since: limits.freeDelay) }
        decision.isLacking = decision.kept.count + decision.taken.count < target
        decision.next = pause(until: decision, isNew: isNew)
        return decision
    }

    /// To whom the relay offers its partitions when it ends in order; empty when no other is alive.
    var handoversAtEnd: [Handover] {
        let sharing = sharing(among: relays.filter { $0.instance != instance })
        let targets = targets(of: sharing)
        var counts = counts(of: sharing)
        return held(by: instance).compactMap { partition in
            guard let successor = most(lacking: sharing, targets, counts) else { return nil }
            counts[successor, default: 0] += 1
            return Handover(partition: partition, successor: successor)
        }
    }

    // MARK: - Shares

    /// The relays among which the partitions are shared: those that are proven, or all while none is.
    private func sharing(among relays: [Relay]) -> [ExactText] {
        let proven = relays.filter { !isUnproven($0) }
        return (proven.isEmpty ? relays : proven).map(\.instance).sorted()
    }

    /// Whether the relay started a moment ago; not after the clock was set back.
    private func isUnproven(_ relay: Relay) -> Bool {
        let age = now - relay.since
        return age >= .zero && age < limits.probation
    }

    /// How many partitions each of them should have: those with the most keep the remainder, so that little moves.
    private func targets(of sharing: [ExactText]) -> [ExactText: Int] {
        guard !sharing.isEmpty else { return [:] }
        let counts = counts(of: sharing)
        let (share, remainder) = Outbox.partitions.quotientAndRemainder(dividingBy: sharing.count)
        let order = sharing.sorted { (counts[$1, default: 0], $0) < (counts[$0, default: 0], $1) }
        let targets = order.enumerated().map { ($1, share + ($0 < remainder ? 1 : 0)) }
        return Dictionary(uniqueKeysWithValues: targets)
    }

    private func counts(of relays: [ExactText]) -> [ExactText: Int] {
        Dictionary(uniqueKeysWithValues: relays.map { ($0, held(by: $0).count) })
    }

    /// The relay that has the least in relation to its share; `nil` when there is none.
    private func most(
        lacking relays: [ExactText],
        _ targets: [ExactText: Int],
        _ counts: [ExactText: Int]
    ) -> ExactText? {
        func excess(_ relay: ExactText) -> Int { counts[relay, default: 0] - targets[relay, default: 0] }
        return relays.min { (excess($0), $0) < (excess($1), $1) }
    }

    // MARK: - Partitions

    private func held(by instance: ExactText) -> [Int] {
        holdings.filter { $0.value.instance == instance && $0.value.end > now }.map(\.key).sorted()
    }

    /// Whether the partition has been free for `delay`.
    private func isFree(_ partition: Int, since delay: Duration) -> Bool {
        holdings[partition].map { $0.end + delay <= now } ?? true
    }

    /// How long until something may have to be done: its own renewal, or the end of a lease or an offer of another.
    private func pause(until decision: Decision, isNew: Bool) -> Duration {
        var next = decision.lease / 3
        if isNew, let relay = relays.first(where: { $0.instance == instance }) {
            next = min(next, relay.since + limits.probation - now)
        }
        if !decision.handovers.isEmpty { next = min(next, limits.shortLease) }
        let done = Set(decision.kept + decision.taken + decision.handovers.map(\.partition))
        for partition in 0..<Outbox.partitions where !done.contains(partition) {
            guard let end = holdings[partition]?.end else { continue }
            next = min(next, (end > now ? end : end + limits.freeDelay) - now)
        }
        return max(next, Self.pauseMin)
    }
}
