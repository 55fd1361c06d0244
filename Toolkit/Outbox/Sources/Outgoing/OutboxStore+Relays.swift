import MartletCore
import MartletSQL

/// The statements with which relays share the partitions of an outbox.
extension OutboxStore {
    /// One process of a relay.
    struct Relay: Sendable, Hashable {
        /// The name of its instance, which a restart keeps.
        let instance: ExactText
        /// Counts the processes of the instance.
        let boot: Int
    }

    /// What a relay may publish until it looks again.
    struct Share: Sendable {
        var relay: Relay
        var leases: [Lease] = []
        /// How long until it looks again.
        var next: Duration
        /// Whether a later process of the same instance is alive: this one publishes nothing.
        var isReplaced = false
    }

    /// Relays decide one at a time: what they read is what they change.
    static let sharing = SQLOptions(locks: ["martlet.outbox.relays"])
    /// How long the row of an ended relay is kept, for operators.
    static let endedRetention = Duration.seconds(86_400)

    /// Registers a new process of the instance, which has no share yet.
    ///
    /// A repeat is a later process.
    ///
    /// - Parameter isAlone: Whether every other process that used the database has ended.
    static func register(
        _ instance: ExactText,
        isAlone: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> Relay {
        let now = try tx.date
        if isAlone {
            try tx.run("DELETE FROM outbox_relays")
            try tx.run("UPDATE outbox_leases SET expires_at = 0")
        }
        // Alone it has nothing to prove.
        let since = isAlone ? 0 : now.microseconds
        let row = try tx.run(
            """
            INSERT INTO outbox_relays (instance, boot, since, lease_until)
            VALUES (\(instance), 1, \(since), \(now.microseconds))
            ON CONFLICT (instance) DO UPDATE SET
                boot = outbox_relays.boot + 1, since = excluded.since, lease_until = excluded.lease_until
            RETURNING boot
            """
        ).first
        guard let row else { throw SQLError(.misuse, code: "", message: "outbox_relays returned no row") }
        // An earlier process that is still running loses its leases.
        try tx.run("UPDATE outbox_leases SET epoch = epoch + 1, is_offer = 0 WHERE owner = \(instance)")
        return Relay(instance: instance, boot: try row.int(0))
    }

    /// Renews the leases of `relay`, takes what is free and due to it, and offers others what is due to them.
    ///
    /// - Parameter asks: Whether it notifies the others when it has less than its share.
    static func share(
        of relay: Relay,
        _ limits: OutboxRelay.Limits,
        asks: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> Share {
        let now = try tx.date
        let (boots, shares) = try shares(of: relay, limits, in: tx)
        guard let own = boots[relay.instance], own.boot == relay.boot else {
            if let own = boots[relay.instance], own.leaseEnd > now {
                return Share(relay: relay, next: limits.lease / 3, isReplaced: true)
            }
            let again = try register(relay.instance, isAlone: false, in: tx)
            return try share(of: again, limits, asks: asks, in: tx)
        }
        let decision = shares.decision
        let end = (now + decision.lease).microseconds
        try tx.run("UPDATE outbox_relays SET lease_until = \(end) WHERE instance = \(relay.instance)")
        if !decision.kept.isEmpty {
            try tx.run(
                """
                UPDATE outbox_leases SET expires_at = \(end), is_offer = 0
                WHERE owner = \(relay.instance) AND partition IN (\(list: decision.kept))
                """
            )
        }
        for partition in decision.taken {
            try tx.run(
                """
                INSERT INTO outbox_leases (partition, owner, epoch, expires_at)
                VALUES (\(partition), \(relay.instance), 1, \(end))
                ON CONFLICT (partition) DO UPDATE SET owner = excluded.owner, epoch = outbox_leases.epoch + 1,
                    expires_at = excluded.expires_at, is_offer = 0
                WHERE outbox_leases.expires_at <= \(now.microseconds)
                """
            )
        }
        try offer(decision.handovers, of: relay, until: now + limits.shortLease, in: tx)
        try endRows(of: decision.lapsed, at: now, in: tx)
        if !decision.handovers.isEmpty || asks && decision.isLacking { tx.notify(Outbox.shared) }
        return Share(relay: relay, leases: try held(by: relay.instance.text, in: tx), next: decision.next)
    }

    /// Ends `relay` in order: offers its partitions to others by name, or frees them when there are none.
    static func leave(_ relay: Relay, _ limits: OutboxRelay.Limits, in tx: borrowing SQLTransaction) throws {
        let (boots, shares) = try shares(of: relay, limits, in: tx)
        guard boots[relay.instance]?.boot == relay.boot else { return }
        try offer(shares.handoversAtEnd, of: relay, until: tx.date + limits.shortLease, in: tx)
        try tx.run("UPDATE outbox_leases SET expires_at = 0 WHERE owner = \(relay.instance)")
        try tx.run("DELETE FROM outbox_relays WHERE instance = \(relay.instance)")
        tx.notify(Outbox.shared)
    }

    private static func shares(
        of relay: Relay,
        _ limits: OutboxRelay.Limits,
        in tx: borrowing SQLTransaction
    ) throws -> (boots: [ExactText: (boot: Int, leaseEnd: Timestamp)], shares: RelayShares) {
        let now = try tx.date
        var boots: [ExactText: (boot: Int, leaseEnd: Timestamp)] = [:]
        var relays: [RelayShares.Relay] = []
        for row in try tx.run("SELECT instance, boot, since, lease_until FROM outbox_relays ORDER BY instance") {
            let (instance, end) = (ExactText(try row.text(0)), Timestamp(microseconds: try row.int64(3)))
            boots[instance] = (try row.int(1), end)
            let since = Timestamp(microseconds: try row.int64(2))
            relays.append(RelayShares.Relay(instance: instance, since: since, leaseEnd: end))
        }
        var holdings: [Int: RelayShares.Holding] = [:]
        for row in try tx.run("SELECT partition, owner, expires_at, is_offer FROM outbox_leases ORDER BY partition") {
            holdings[try row.int(0)] = RelayShares.Holding(
                instance: ExactText(try row.text(1)),
                end: Timestamp(microseconds: try row.int64(2)),
                isOffer: try row.bool(3)
            )
        }
        return (boots, RelayShares(of: relay.instance, relays: relays, holdings: holdings, at: now, limits: limits))
    }

    private static func offer(
        _ handovers: [RelayShares.Handover],
        of relay: Relay,
        until end: Timestamp,
        in tx: borrowing SQLTransaction
    ) throws {
        for handover in handovers {
            try tx.run(
                """
                UPDATE outbox_leases SET owner = \(handover.successor), epoch = epoch + 1,
                    expires_at = \(end.microseconds), is_offer = 1
                WHERE partition = \(handover.partition) AND owner = \(relay.instance)
                """
            )
        }
    }

    /// Ends the rows of relays that did not take what was offered to them, and deletes rows that ended long ago.
    private static func endRows(of lapsed: [ExactText], at now: Timestamp, in tx: borrowing SQLTransaction) throws {
        for instance in lapsed {
            try tx.run(
                """
                UPDATE outbox_relays SET lease_until = \(now.microseconds), since = \(now.microseconds)
                WHERE instance = \(instance)
                """
            )
            try tx.run(
                "UPDATE outbox_leases SET is_offer = 0 WHERE owner = \(instance) AND expires_at <= \(now.microseconds)"
            )
        }
        try tx.run("DELETE FROM outbox_relays WHERE lease_until <= \((now - endedRetention).microseconds)")
    }
}
