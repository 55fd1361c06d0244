import MartletCore
package import MartletMessaging
import MartletSQL

/// How long published events stay in an outbox: as long as the broker stores them, so that they can be published again when
/// it has lost them.
package struct SentRetention: Sendable {
    static let migrations = [
        // In place of an index by time alone: the events of a topic that stay longer are not read by each purge.
        Migration(
            "outbox.sent",
            1,
            [
                "CREATE INDEX outbox_sent_by_topic ON outbox (topic, sent_at) WHERE sent_at IS NOT NULL",
                "DROP INDEX outbox_sent",
            ]
        )
    ]

    private let preset: Duration
    private let declared: [ExactText: Duration]

    /// - Parameters:
    ///   - topics: The topics of the service; those without a retention of their own have the preset.
    ///   - preset: How long the others stay.
    package init(of topics: [TopicPlan], otherwise preset: Duration = Outbox.sentRetention) {
        self.preset = preset
        let own = topics.compactMap { topic in topic.retention.map { (ExactText(topic.name), $0) } }
        declared = Dictionary(own, uniquingKeysWith: max)
    }

    /// How long the published events of a topic stay.
    func duration(of topic: String) -> Duration { declared[ExactText(topic)] ?? preset }

    /// Removes a batch of published events that are past the retention of their topic.
    ///
    /// - Returns: The number of removed rows.
    func purge(limit: Int, in tx: borrowing SQLTransaction) throws -> Int {
        var removed = 0
        var last = ""
        while removed < limit, let topic = try Self.topic(after: last, in: tx) {
            last = topic
            let before = try tx.date - duration(of: topic)
            removed += try tx.run(
                """
                DELETE FROM outbox WHERE (topic, key, epoch, sequence) IN (
                    SELECT topic, key, epoch, sequence FROM outbox WHERE topic = \(topic) AND sent_at IS NOT NULL
                        AND sent_at < \(before.microseconds) ORDER BY sent_at LIMIT \(limit - removed)
                        \(lock: .skipping, in: tx.dialect)
                ) AND sent_at IS NOT NULL AND sent_at < \(before.microseconds) RETURNING 1
                """
            ).count
        }
        return removed
    }

    /// The next topic of the outbox, by the index of its events.
    private static func topic(after last: String, in tx: borrowing SQLTransaction) throws -> String? {
        // Unlocked: it orders the deletions, which decide by their own conditions.
        try tx.run("SELECT topic FROM outbox WHERE topic > \(last) ORDER BY topic LIMIT 1").first?.text(0)
    }
}
