import MartletCore
import MartletMessaging
import MartletSQL

/// The marker of one event in one group, as it is stored.
struct AttemptRows: Sendable {
    /// How long a marker stays whose event does not come again.
    static let retention = Duration.seconds(7 * 24 * 3_600)

    private let group: String
    private let topic: String
    private let key: String
    private let source: String
    private let number: EventNumber

    init(group: String, event: Envelope) {
        self.group = group
        topic = event.topic
        key = event.key
        source = event.source
        number = EventNumber(event)
    }

    private init(_ row: SQLRow) throws {
        group = try row.text(0)
        topic = try row.text(1)
        key = try row.text(2)
        source = try row.text(3)
        number = try EventNumber(epoch: row.int(4), sequence: row.int64(5))
    }

    func read(in tx: borrowing SQLTransaction) throws -> AttemptMarker? {
        try tx.run(
            """
            SELECT instance, boot, lease_until, ends FROM inbox_attempts WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source) AND epoch = \(number.epoch)
                AND sequence = \(number.sequence)
            """
        ).first.map { try Self.marker($0, from: 0) }
    }

    /// Stores the marker in place of the one that is stored; `nil` removes it.
    func store(_ marker: AttemptMarker?, in tx: borrowing SQLTransaction) throws {
        guard let marker else { return try remove(in: tx) }
        try tx.run(
            """
            INSERT INTO inbox_attempts (group_name, topic, key, source, epoch, sequence, instance, boot, lease_until, ends,
                marked_at)
            VALUES (\(group), \(topic), \(key), \(source), \(number.epoch), \(number.sequence),
                \(marker.holder?.instance), \(marker.holder?.boot), \(marker.leaseUntil.microseconds), \(marker.ends),
                \(tx.date.microseconds))
            ON CONFLICT (group_name, topic, key, source, epoch, sequence) DO UPDATE SET instance = excluded.instance,
                boot = excluded.boot, lease_until = excluded.lease_until, ends = excluded.ends,
                marked_at = excluded.marked_at
            """
        )
    }

    func remove(in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            DELETE FROM inbox_attempts WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch) AND sequence = \(number.sequence)
            """
        )
    }

    /// Releases the marker if the process holds it: its attempt has ended, and the process has not.
    func release(by own: AttemptMarker.Holder, in tx: borrowing SQLTransaction) throws {
        guard let marker = try read(in: tx), marker.holder == own else { return }
        try store(marker.released, in: tx)
    }

    private static func marker(_ row: SQLRow, from column: Int) throws -> AttemptMarker {
        let (instance, boot) = try (row.textIfPresent(column), row.textIfPresent(column + 1))
        let holder = instance.flatMap { instance in
            boot.map { AttemptMarker.Holder(instance: ExactText(instance), boot: ExactText($0)) }
        }
        return try AttemptMarker(
            holder: holder,
            leaseUntil: Timestamp(microseconds: row.int64(column + 2)),
            ends: row.int(column + 3)
        )
    }
}

// MARK: Processes

extension AttemptRows {
    /// Registers the process; from now on the markers count that the registered process before it holds.
    ///
    /// A repeat does nothing.
    ///
    /// - Returns: Whether the process before did not end in order.
    static func start(_ own: AttemptMarker.Holder, in tx: borrowing SQLTransaction) throws -> Bool {
        let row = try tx.run("SELECT boot, is_suspect FROM inbox_processes WHERE instance = \(own.instance)").first
        let before = try row.map { AttemptMarker.Holder(instance: own.instance, boot: ExactText(try $0.text(0))) }
        let isSuspect = try before == own ? row?.bool(1) ?? false : before != nil
        try tx.run(
            """
            INSERT INTO inbox_processes (instance, boot, is_suspect, began_at)
            VALUES (\(own.instance), \(own.boot), \(isSuspect), \(tx.date.microseconds))
            ON CONFLICT (instance) DO UPDATE SET boot = excluded.boot, is_suspect = excluded.is_suspect,
                began_at = excluded.began_at
            """
        )
        guard let before, before != own else { return isSuspect }
        for (rows, marker) in try held(by: own.instance, in: tx) where marker.holder == before {
            try rows.store(marker.replacing(before), in: tx)
        }
        return isSuspect
    }

    /// Renews the markers that the process holds while it attempts to handle an event; otherwise releases them.
    ///
    /// - Parameter isAttempting: Called after the markers have been read, so that none is released whose attempt began
    ///   before.
    static func keep(
        _ own: AttemptMarker.Holder,
        lease: Duration,
        isAttempting: () -> Bool,
        in tx: borrowing SQLTransaction
    ) throws {
        let held = try held(by: own.instance, in: tx).filter { $0.marker.holder == own }
        let isAttempting = isAttempting()
        for (rows, marker) in held {
            guard isAttempting else {
                try rows.store(marker.released, in: tx)
                continue
            }
            try rows.store(
                AttemptMarker(holder: own, leaseUntil: try tx.date + lease, ends: marker.ends),
                in: tx
            )
        }
    }

    /// Stores that the process ends in order.
    static func end(_ own: AttemptMarker.Holder, in tx: borrowing SQLTransaction) throws {
        try keep(own, lease: .zero, isAttempting: { false }, in: tx)
        try tx.run("DELETE FROM inbox_processes WHERE instance = \(own.instance) AND boot = \(own.boot)")
    }

    private static func held(
        by instance: ExactText,
        in tx: borrowing SQLTransaction
    ) throws -> [(rows: AttemptRows, marker: AttemptMarker)] {
        try tx.run(
            """
            SELECT group_name, topic, key, source, epoch, sequence, instance, boot, lease_until, ends
            FROM inbox_attempts WHERE instance = \(instance) ORDER BY group_name, topic, key, source, epoch, sequence
            """
        ).map { try (AttemptRows($0), marker($0, from: 6)) }
    }

    /// Removes a batch of markers whose events have not come again.
    ///
    /// - Returns: The number of removed rows.
    static func purge(limit: Int, in tx: borrowing SQLTransaction) throws -> Int {
        let before = try tx.date - retention
        return try tx.run(
            """
            DELETE FROM inbox_attempts WHERE marked_at < \(before.microseconds)
                AND (group_name, topic, key, source, epoch, sequence) IN (
                    SELECT group_name, topic, key, source, epoch, sequence FROM inbox_attempts
                    WHERE marked_at < \(before.microseconds) ORDER BY marked_at LIMIT \(limit)
                ) RETURNING 1
            """
        ).count
    }
}
