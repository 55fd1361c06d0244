import MartletCore
import MartletMessaging

/// One member: what it has asked the server for, and what it holds unacknowledged.
///
/// A value without clock and connection: its functions return what is to be sent.
struct NATSMemberState: Sendable {
    /// How long the server keeps a request for deliveries; then it is repeated.
    ///
    /// A request that is lost, as with its server, is noticed after this time.
    static let pullDuration = Duration.seconds(2)
    /// Longer than a request and a pause of the process: after this time without a request the server gives a partition
    /// to another member.
    static let pinTimeout = Duration.seconds(4)
    /// After an answer that the server cannot deliver now.
    private static let pause = Duration.milliseconds(100)

    /// A request for deliveries of a partition.
    struct Pull: Sendable, Hashable {
        let partition: Int
        /// Distinguishes its answers from those of earlier ones.
        let number: Int
        let batch: Int
        /// The server's name for the member that has the partition; `nil` when it is not this one.
        let pin: String?
    }

    private struct Waiting {
        let number: Int
        var remaining: Int
        let until: Moment
    }

    private struct Held {
        /// Where its acknowledgement goes.
        let reply: String
        let since: Moment
        /// When the server began to wait for its acknowledgement.
        var extended: Moment
    }

    private struct Partition {
        var pin: String?
        var waiting: Waiting?
        var held: [Int64: Held] = [:]
        /// Received, and not yet returned by `receive`.
        var ready: [Delivery] = []
    }

    private var partitions: [Partition]
    private let window: Int
    private var lastPull = 0
    private(set) var hasLeft = false

    init(partitions: Int, window: Int) {
        self.partitions = Array(repeating: Partition(), count: partitions)
        self.window = window
    }

    // MARK: Requests

    /// The requests to send now: one for each partition that the member is to have and has none for.
    ///
    /// - Parameter wanted: By partition.
    mutating func pulls(_ wanted: [Bool], at now: Moment) -> [Pull] {
        guard !hasLeft else { return [] }
        var used = 0
        var idle: [Int] = []
        for index in partitions.indices {
            if let waiting = partitions[index].waiting, waiting.until <= now { partitions[index].waiting = nil }
            used += partitions[index].held.count + (partitions[index].waiting?.remaining ?? 0)
            if wanted[index], partitions[index].waiting == nil { idle.append(index) }
        }
        guard !idle.isEmpty, used < window else { return [] }
        let batch = max(1, (window - used) / idle.count)
        return idle.prefix(window - used).map { index in
            lastPull += 1
            // A second more than the server's: its answer at the end of the time arrives first.
            partitions[index].waiting = Waiting(
                number: lastPull,
                remaining: batch,
                until: now + Self.pullDuration + .seconds(1)
            )
            return Pull(partition: index, number: lastPull, batch: batch, pin: partitions[index].pin)
        }
    }

    /// The server has answered a request with a status instead of a delivery.
    mutating func ended(_ partition: Int, _ number: Int, status: Int, at now: Moment) {
        guard partitions.indices.contains(partition), partitions[partition].waiting?.number == number else { return }
        // Another member has the partition, or none.
        if status == 423 { partitions[partition].pin = nil }
        // At the end of its time it is repeated at once; what cannot be served now is tried again after a pause.
        let pauses = status != 408 && status != 404
        partitions[partition].waiting =
            pauses ? Waiting(number: number, remaining: 0, until: now + Self.pause) : nil
    }

    /// No request reached the server, or none of its answers will come.
    mutating func disconnected() { for index in partitions.indices { partitions[index].waiting = nil } }

    // MARK: Deliveries

    /// - Returns: Whether it is to be returned to the server, since the member has left.
    mutating func deliver(_ delivery: Delivery, reply: String, pin: String?, at now: Moment) -> Bool {
        let partition = delivery.id.partition
        guard !hasLeft, partitions.indices.contains(partition) else { return true }
        partitions[partition].pin = pin
        arrived(in: partition)
        let held = Held(reply: reply, since: now, extended: now)
        if partitions[partition].held.updateValue(held, forKey: delivery.id.offset) != nil {
            // It came again before it was returned by `receive`, or while it is handled.
            partitions[partition].ready.removeAll { $0.id == delivery.id }
        }
        partitions[partition].ready.append(delivery)
        return false
    }

    /// A message came, of an event or not: its request has one less to come.
    mutating func arrived(in partition: Int) {
        guard partitions.indices.contains(partition), let waiting = partitions[partition].waiting else { return }
        partitions[partition].waiting?.remaining -= 1
        if waiting.remaining <= 1 { partitions[partition].waiting = nil }
    }

    /// At most `limit` deliveries, in partition order.
    mutating func take(_ limit: Int) -> [Delivery] {
        var taken: [Delivery] = []
        for index in partitions.indices where taken.count < limit && !partitions[index].ready.isEmpty {
            let part = partitions[index].ready.prefix(limit - taken.count)
            taken += part
            partitions[index].ready.removeFirst(part.count)
        }
        return taken
    }

    /// Ends the wait for acknowledgements of deliveries; others are ignored.
    ///
    /// - Returns: Where each is acknowledged or returned, by partition.
    mutating func release(_ ids: [DeliveryID]) -> [[String]] {
        var replies: [[String]] = Array(repeating: [], count: partitions.count)
        for id in ids where partitions.indices.contains(id.partition) {
            guard let held = partitions[id.partition].held.removeValue(forKey: id.offset) else { continue }
            replies[id.partition].append(held.reply)
        }
        return replies.filter { !$0.isEmpty }
    }

    /// What the server is to wait for longer: held for a third of `wait` since it was last asked to.
    mutating func extensions(_ wait: Duration, at now: Moment) -> [String] {
        var replies: [String] = []
        for index in partitions.indices {
            for (offset, held) in partitions[index].held where held.extended + wait / 3 <= now {
                partitions[index].held[offset]?.extended = now
                replies.append(held.reply)
            }
        }
        return replies
    }

    /// Whether a delivery has been held for `timeout`.
    func isStuck(after timeout: Duration, at now: Moment) -> Bool {
        partitions.contains { $0.held.values.contains { $0.since + timeout <= now } }
    }

    /// The partitions that another member is to have, of which nothing is held any more.
    mutating func unpins(_ wanted: [Bool]) -> [Int] {
        let given = partitions.indices.filter {
            !wanted[$0] && partitions[$0].pin != nil && partitions[$0].held.isEmpty && partitions[$0].waiting == nil
        }
        for index in given { partitions[index].pin = nil }
        return given
    }

    /// Ends the membership; a repeat does nothing.
    ///
    /// - Returns: What is to be returned to the server, in order; the partitions that this member may have requests for;
    ///   those that the server has given to it.
    mutating func leave() -> (replies: [String], used: [Int], pinned: [Int]) {
        guard !hasLeft else { return ([], [], []) }
        hasLeft = true
        let replies = partitions.flatMap { $0.held.sorted { $0.key < $1.key }.map(\.value.reply) }
        let pinned = partitions.indices.filter { partitions[$0].pin != nil }
        let used = partitions.indices.filter { partitions[$0].pin != nil || partitions[$0].waiting != nil }
        for index in partitions.indices { partitions[index] = Partition() }
        return (replies, used, pinned)
    }
}
