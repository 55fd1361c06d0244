import MartletCore
import MartletMessaging
import Synchronization

/// One member of a group: asks the server for deliveries of the partitions that it is to have.
final class NATSMember: GroupMember {
    private struct PullRequest: Sendable {
        let pull: NATSMemberState.Pull

        /// JSON of the server's API.
        var body: [UInt8] {
            let expires = NATSMemberState.pullDuration.nanosecondsClamped
            let pin = pull.pin.map { ",\"id\":\"\($0)\"" } ?? ""
            let group = JetStream.ConsumerConfig.group
            return Array("{\"batch\":\(pull.batch),\"expires\":\(expires),\"group\":\"\(group)\"\(pin)}".utf8)
        }
    }

    let isWhole: Bool
    /// A stream removes nothing that a group has not acknowledged.
    let losses: [GroupLoss] = []

    /// How long the server waits for an acknowledgement.
    let wait: Duration
    private let link: NATSLink
    private let group: NATSGroup
    private let name: ExactText
    private let names: NATSNames
    private let limits: NATSLimits
    private let time: any TimeSource
    private let partitions: Int
    /// Where the server's answers come to: this, the partition and the number of the request.
    private let inbox: String
    private let state: Mutex<NATSMemberState>
    private let arrived = Signal()
    private let subscription = Mutex<NATSConnection.Subscription?>(nil)

    init(
        of group: NATSGroup,
        partitions: Int,
        isWhole: Bool,
        wait: Duration,
        name: ExactText,
        link: NATSLink,
        names: NATSNames,
        limits: NATSLimits,
        time: any TimeSource
    ) throws {
        self.isWhole = isWhole
        self.wait = wait
        self.link = link
        self.group = group
        self.name = name
        self.names = names
        self.limits = limits
        self.time = time
        self.partitions = partitions
        inbox = "\(link.inbox).\(name.text)"
        state = Mutex(NATSMemberState(partitions: partitions, window: limits.window))
        let subscription = try link.connection.subscribe("\(inbox).*.*") { [weak self] in self?.take($0) }
        self.subscription.withLock { $0 = subscription }
        group.join(name) { [arrived] in arrived.raise() }
    }

    deinit { group.leave(name) }

    var hasLeft: Bool { state.withLock { $0.hasLeft } }

    // MARK: Receiving

    func receive(limit: Int) async throws -> [Delivery] {
        precondition(limit >= 1)
        while true {
            try Task.checkCancellation()
            let (taken, hasLeft) = state.withLock { ($0.take(limit), $0.hasLeft) }
            guard !hasLeft else { throw NATSFault.leftGroup }
            pull()
            if !taken.isEmpty { return taken }
            // Requests that get no answer are repeated.
            try await arrived.wait(until: time.now + NATSMemberState.pullDuration, time)
        }
    }

    /// Sends the requests that are due.
    private func pull() {
        let wanted = group.partitions(of: name, among: partitions, at: time.now)
        for pull in state.withLock({ $0.pulls(wanted, at: time.now) }) {
            let subject = "$JS.API.CONSUMER.MSG.NEXT.\(group.stream).\(names.consumer(group.name, pull.partition))"
            do {
                try link.connection.publish(
                    PullRequest(pull: pull).body,
                    to: subject,
                    reply: "\(inbox).\(pull.partition).\(pull.number)"
                )
            } catch {
                // Disconnected: repeated after the pause.
                state.withLock { $0.ended(pull.partition, pull.number, status: 503, at: time.now) }
            }
        }
    }

    /// Takes a message on the library's thread.
    private func take(_ message: borrowing NATSMessage) {
        guard let reply = message.reply, let ack = NATSAck(reply) else { return end(message) }
        guard let partition = NATSNames.partition(ofSubject: message.subject) else { return }
        guard let event = NATSEnvelope.event(message, on: group.topic) else {
            // Of a publisher that is none of ours: it stays unacknowledged, and shows in the lag.
            state.withLock { $0.arrived(in: partition) }
            return arrived.raise()
        }
        let id = DeliveryID(partition: partition, offset: ack.sequence)
        let delivery = Delivery(id: id, event: event, attempt: ack.attempt)
        let pin = message.header("Nats-Pin-Id")
        let isRefused = state.withLock { $0.deliver(delivery, reply: reply, pin: pin, at: time.now) }
        if isRefused {
            // It left while the server answered its last request.
            try? link.connection.publish(NATSAck.again(after: .zero), to: reply)
            try? unpin(partition)
        } else {
            arrived.raise()
        }
    }

    /// Takes a status on the library's thread.
    private func end(_ message: borrowing NATSMessage) {
        let tokens = message.subject.split(separator: ".")
        guard tokens.count >= 2, let number = Int(tokens[tokens.count - 1]),
            let partition = Int(tokens[tokens.count - 2])
        else { return }
        let status = message.status ?? 0
        // A member that has nothing to acknowledge makes no other calls.
        link.calls.noteServed(status != 503, at: time.now)
        state.withLock { $0.ended(partition, number, status: status, at: time.now) }
        arrived.raise()
    }

    // MARK: Acknowledging

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        try await answer(deliveries, NATSAck.done)
    }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        try await answer(deliveries, NATSAck.again(after: delay))
    }

    func acknowledge(losses: [GroupLoss]) async throws {}

    /// Answers deliveries, and returns when the server has taken it.
    ///
    /// The server takes the answers of a partition in order: it confirms the last one of each.
    private func answer(_ deliveries: [DeliveryID], _ word: [UInt8]) async throws {
        let released = state.withLock { $0.release(deliveries) }
        guard !released.isEmpty else { return }
        let replies = try await link.calls.run(released.count, until: time.now + limits.callTimeout, time) { reply in
            for (index, subjects) in released.enumerated() {
                for (place, subject) in subjects.enumerated() {
                    let isLast = place == subjects.count - 1
                    try link.connection.publish(word, to: subject, reply: isLast ? reply(index) : nil)
                }
            }
        }
        guard replies.allSatisfy({ $0.status != 503 }) else { throw NATSFault.noResponders }
        arrived.raise()
    }

    // MARK: Membership

    /// Has the members of other processes announce themselves.
    func announceJoin() { group.announce(.joined, name, on: link.connection) }

    /// What a member does beside receiving: announces itself, keeps what it holds, gives away what others are to have.
    ///
    /// - Returns: Whether it is stuck, and is to leave.
    func keep() -> Bool {
        let now = time.now
        guard !hasLeft else { return false }
        guard !state.withLock({ $0.isStuck(after: limits.acknowledgementTimeout, at: now) }) else {
            return true
        }
        group.announce(.alive, name, on: link.connection)
        for reply in state.withLock({ $0.extensions(wait, at: now) }) {
            try? link.connection.publish(NATSAck.working, to: reply)
        }
        let wanted = group.partitions(of: name, among: partitions, at: now)
        for partition in state.withLock({ $0.unpins(wanted) }) { try? unpin(partition) }
        // Another member may have ended: its partitions may be this one's now.
        arrived.raise()
        return false
    }

    /// The connection was lost: no request of before will be answered.
    func disconnected() {
        state.withLock { $0.disconnected() }
        arrived.raise()
    }

    /// Ends the membership without a word to the server, which its connection does not reach.
    func end() {
        _ = state.withLock { $0.leave() }
        group.leave(name)
        arrived.raise()
    }

    func leave() async {
        let (replies, used, pinned) = state.withLock { $0.leave() }
        group.leave(name)
        subscription.withLock { $0?.drain() }
        // First: what is returned would be tried with this member's last requests, and would lose its order.
        do {
            try await forget(used)
            try await releasePins(pinned)
        } catch {
            // The server gives the partitions away after its timeout.
        }
        for reply in replies { try? link.connection.publish(NATSAck.again(after: .zero), to: reply) }
        group.announce(.left, name, on: link.connection)
        arrived.raise()
    }

    /// Has the server forget this member's requests, which lead nowhere: it looks for such when it is asked about a consumer.
    private func forget(_ partitions: [Int]) async throws {
        guard !partitions.isEmpty else { return }
        _ = try await link.calls.run(partitions.count, until: time.now + limits.callTimeout, time) { reply in
            for (index, partition) in partitions.enumerated() {
                let subject = "$JS.API.CONSUMER.INFO.\(group.stream).\(names.consumer(group.name, partition))"
                try link.connection.publish([], to: subject, reply: reply(index))
            }
        }
    }

    /// Has the server give partitions to the member that asks next, and returns when it has.
    private func releasePins(_ partitions: [Int]) async throws {
        guard !partitions.isEmpty else { return }
        _ = try await link.calls.run(partitions.count, until: time.now + limits.callTimeout, time) { reply in
            for (index, partition) in partitions.enumerated() { try unpin(partition, reply: reply(index)) }
        }
    }

    /// If it is lost, the server gives the partition away after its timeout.
    private func unpin(_ partition: Int, reply: String? = nil) throws {
        let consumer = names.consumer(group.name, partition)
        let body = Array("{\"group\":\"\(JetStream.ConsumerConfig.group)\"}".utf8)
        try link.connection.publish(body, to: "$JS.API.CONSUMER.UNPIN.\(group.stream).\(consumer)", reply: reply)
    }
}
