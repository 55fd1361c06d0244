import MartletCore
import Synchronization

/// A group of a topic in this process: shared by its members.
final class NATSGroup: Sendable {
    private struct State {
        var membership = NATSMembership()
        var changed: [ExactText: @Sendable () -> Void] = [:]
        var subscription: NATSConnection.Subscription?
    }

    let topic: String
    let name: String
    let stream: String
    private let subject: String
    private let state = Mutex(State())

    init(_ name: String, of topic: String, names: NATSNames) {
        self.name = name
        self.topic = topic
        stream = names.stream(topic)
        subject = names.members(topic, name)
    }

    /// Begins to listen to the members of other processes; a repeat does nothing.
    func listen(on link: NATSLink, _ time: any TimeSource) throws {
        guard state.withLock({ $0.subscription == nil }) else { return }
        let subscription = try link.connection.subscribe(subject) { [weak self, weak link] message in
            guard let self, let link else { return }
            received(message, at: time.now, on: link.connection)
        }
        state.withLock { $0.subscription = $0.subscription ?? subscription }
    }

    /// - Parameter changed: Called when its partitions may be others.
    func join(_ member: ExactText, changed: @escaping @Sendable () -> Void) {
        let others = state.withLock { state in
            state.membership.join(member)
            state.changed[member] = changed
            return Array(state.changed.values)
        }
        for other in others { other() }
    }

    /// A repeat does nothing.
    func leave(_ member: ExactText) {
        let others = state.withLock { state in
            state.membership.leave(member)
            state.changed[member] = nil
            return Array(state.changed.values)
        }
        for other in others { other() }
    }

    var isUnused: Bool { state.withLock { $0.membership.isUnused } }

    /// By partition: whether the member is to receive from it.
    func partitions(of member: ExactText, among count: Int, at now: Moment) -> [Bool] {
        state.withLock { $0.membership.partitions(of: member, among: count, at: now) }
    }

    func announce(_ word: NATSMembership.Word, _ member: ExactText, on connection: NATSConnection) {
        // If it is lost, the next one follows within a second.
        try? connection.publish(Array("\(word.rawValue) \(member.text)".utf8), to: subject)
    }

    private func received(_ message: borrowing NATSMessage, at now: Moment, on connection: NATSConnection) {
        let parts = String(decoding: message.body, as: UTF8.self).split(separator: " ")
        guard parts.count == 2, let word = NATSMembership.Word(rawValue: String(parts[0])) else { return }
        let member = ExactText(String(parts[1]))
        let (answering, changed) = state.withLock { state in
            let answers = state.membership.received(word, of: member, at: now)
            return (answers ? Array(state.changed.keys) : [], word == .alive ? [] : Array(state.changed.values))
        }
        for local in answering { announce(.alive, local, on: connection) }
        for change in changed { change() }
    }
}
