import MartletCore
import MartletEventLog

/// The event log's report of its topics and consumer groups.
package struct LogStatus: Sendable, Encodable {
    package struct Group: Sendable, Encodable {
        package let name: String
        package let acknowledged: Int64
        /// Published and not acknowledged.
        package let lag: Int64
        package var members: Int32 = 0
        /// When it last had a member; `nil` when it never had one.
        package var lastSeenAt: String?
        /// It has had no member for long.
        package var isAbandoned = false
        /// Events of losses that its service has not stored yet, and that no operator has confirmed.
        package var lost: Int64 = 0

        package init(name: String, acknowledged: Int64, lag: Int64) {
            self.name = name
            self.acknowledged = acknowledged
            self.lag = lag
        }

        init(_ record: GroupRecord) {
            self.init(name: record.name, acknowledged: record.acknowledged, lag: record.lag)
            members = record.members
            lastSeenAt = record.lastSeenAt == 0 ? nil : Timestamp(microseconds: record.lastSeenAt).description
            isAbandoned = record.abandoned
            lost = record.lost
        }
    }

    package struct Topic: Sendable, Encodable {
        package let name: String
        package let published: Int64
        package let groups: [Group]
        package var partitions: Int32 = 0
        /// What its publisher declares, when that is another number; otherwise `nil`.
        package var declaredPartitions: Int32?

        package init(name: String, published: Int64, groups: [Group]) {
            self.name = name
            self.published = published
            self.groups = groups
        }

        init(_ record: TopicRecord) {
            self.init(name: record.topic, published: record.published, groups: record.groups.map { Group($0) })
            partitions = record.partitions
            declaredPartitions = record.declaredPartitions == 0 ? nil : record.declaredPartitions
        }
    }

    /// The log's name in the registry.
    package static let service = "eventlog"

    package let topics: [Topic]

    /// Over all groups.
    package var lag: Int64 { topics.flatMap(\.groups).reduce(0) { $0 + $1.lag } }

    /// Queries the event log of the system on `folder`.
    package static func read(_ folder: DataFolder) async throws -> LogStatus {
        try await LogConnection.with(folder) { client, context in
            LogStatus(try await client.status(StatusRequest(), context: context))
        }
    }

    private init(_ status: StatusResponse) {
        topics = status.topics.map { Topic($0) }
    }
}
