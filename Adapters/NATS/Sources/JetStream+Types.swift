/// What JetStream's API is asked and answers; durations are nanoseconds.
extension JetStream {
    struct Empty: Encodable {}

    struct Done: Decodable {}

    struct StreamConfig: Codable {
        let name: String
        let subjects: [String]?
        /// Ours: what a topic was declared with.
        var metadata: [String: String]?
        var retention = "limits"
        var storage = "file"
        /// At a limit publications are refused, and nothing is removed.
        var discard = "new"
        var maxBytes: Int64 = -1
        var replicas = 1
        var duplicateWindow: Int64 = 120_000_000_000

        enum CodingKeys: String, CodingKey {
            case name, subjects, metadata, retention, storage, discard
            case maxBytes = "max_bytes"
            case replicas = "num_replicas"
            case duplicateWindow = "duplicate_window"
        }
    }

    struct StreamInfo: Decodable {
        struct State: Decodable {
            let messages: Int64
            let last: Int64

            enum CodingKeys: String, CodingKey {
                case messages
                case last = "last_seq"
            }
        }

        let config: StreamConfig
        let state: State
    }

    struct ConsumerConfig: Codable {
        static let group = "members"
        static let pinned = "pinned_client"

        let name: String
        let filter: String
        /// `all`, or `new` for what comes after its beginning.
        let deliver: String
        /// How long a delivery stays unacknowledged before it is delivered again.
        let wait: Int64
        var durable: String?
        /// Ours: whose group it is.
        var metadata: [String: String]?
        var acknowledgement = "explicit"
        /// Without a limit: parking is the consumer's.
        var deliveriesLimit = -1
        /// As far as a group may run ahead of what it has not acknowledged.
        var pendingLimit = 1_000_000
        /// One member at a time, until it has asked for nothing for `pinTimeout`.
        var groups: [String]? = [ConsumerConfig.group]
        var policy: String? = ConsumerConfig.pinned
        var pinTimeout: Int64?

        enum CodingKeys: String, CodingKey {
            case name, metadata
            case filter = "filter_subject"
            case deliver = "deliver_policy"
            case wait = "ack_wait"
            case durable = "durable_name"
            case acknowledgement = "ack_policy"
            case deliveriesLimit = "max_deliver"
            case pendingLimit = "max_ack_pending"
            case groups = "priority_groups"
            case policy = "priority_policy"
            case pinTimeout = "priority_timeout"
        }
    }

    struct ConsumerInfo: Decodable {
        struct Position: Decodable {
            let stream: Int64

            enum CodingKeys: String, CodingKey { case stream = "stream_seq" }
        }

        struct Config: Decodable {
            let deliver: String
            let filter: String?
            let metadata: [String: String]?
            /// How long a delivery stays unacknowledged before it is delivered again.
            let wait: Int64?
            /// `nil` on a server that does not know pinned clients.
            let policy: String?

            enum CodingKeys: String, CodingKey {
                case metadata
                case wait = "ack_wait"
                case policy = "priority_policy"
                case deliver = "deliver_policy"
                case filter = "filter_subject"
            }
        }

        let name: String
        let config: Config
        /// Everything up to it is acknowledged.
        let floor: Position
        let unacknowledged: Int64
        let pending: Int64

        enum CodingKeys: String, CodingKey {
            case name, config
            case floor = "ack_floor"
            case unacknowledged = "num_ack_pending"
            case pending = "num_pending"
        }
    }

    struct ConsumerRequest: Encodable {
        let stream: String
        let config: ConsumerConfig
        let action = "create"

        enum CodingKeys: String, CodingKey {
            case config, action
            case stream = "stream_name"
        }
    }

    struct PageRequest: Encodable {
        let offset: Int
        let subject: String?
    }

    struct StreamPage: Decodable {
        let total: Int
        let streams: [StreamInfo]?
    }

    struct ConsumerPage: Decodable {
        let total: Int
        let consumers: [ConsumerInfo]?
    }

    struct PurgeRequest: Encodable {
        let filter: String
        let seq: Int64
    }

    struct PurgeResult: Decodable {
        let purged: Int64
    }

    struct MessageRequest: Encodable {
        let subject: String
        let since: String

        enum CodingKeys: String, CodingKey {
            case subject = "next_by_subj"
            case since = "start_time"
        }
    }

    struct FoundMessage: Decodable {
        struct Message: Decodable {
            let seq: Int64
        }

        let message: Message
    }
}
