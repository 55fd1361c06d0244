import MartletCore
import MartletHost

/// A resend, as `martlet resend list` prints it.
struct ResendRow: Encodable {
    let service: String
    let number: Int64
    let since: String
    let topic: String?
    let key: String?
    let rate: UInt32
    /// running, done or stopped.
    let state: String
    let events: Int64
    let startedAt: String
    let changedAt: String
    /// As in the table: a resend of everything has no start that would mean something.
    let shownSince: String

    private enum CodingKeys: CodingKey {
        case service, number, since, topic, key, rate, state, events, startedAt, changedAt
    }

    init(_ record: ResendRecord, of service: String) {
        self.service = service
        number = record.number
        since = Timestamp(microseconds: record.since).description
        shownSince = record.since == 0 ? "all" : since
        topic = record.topic.isEmpty ? nil : record.topic
        key = record.key.isEmpty ? nil : record.key
        rate = record.rate
        state = record.state
        events = record.events
        startedAt = Timestamp(microseconds: record.startedAt).description
        changedAt = Timestamp(microseconds: record.changedAt).description
    }
}
