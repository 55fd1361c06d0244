import MartletCore

/// The members of one group as one process knows them, and which partitions each is to have.
///
/// A value without clock and connection. Members announce themselves every second; one without an announcement for
/// ``patience`` counts as ended. Two processes may disagree for that long: the server lets one member at a time
/// receive from a partition, however many ask.
struct NATSMembership: Sendable {
    /// Between two announcements of a member.
    static let interval = Duration.seconds(1)
    /// After this time without an announcement a member of another process counts as ended.
    static let patience = Duration.milliseconds(3_500)

    /// What a member announces.
    enum Word: String {
        /// It has joined: the others announce themselves at once.
        case joined
        case alive
        case left
    }

    private var locals: Set<ExactText> = []
    private var others: [ExactText: Moment] = [:]

    /// Whether no member of this process is left.
    var isUnused: Bool { locals.isEmpty }

    mutating func join(_ member: ExactText) { locals.insert(member) }

    mutating func leave(_ member: ExactText) { locals.remove(member) }

    /// - Returns: Whether the members of this process are to announce themselves now.
    mutating func received(_ word: Word, of member: ExactText, at now: Moment) -> Bool {
        guard !locals.contains(member) else { return false }
        others[member] = word == .left ? nil : now
        if word == .joined { others = others.filter { $0.value + Self.patience > now } }
        return word == .joined
    }

    /// By name, as each process orders them.
    func members(at now: Moment) -> [ExactText] {
        (Array(locals) + others.filter { $0.value + Self.patience > now }.keys).sorted()
    }

    /// The partitions that a member is to receive from, of `count`.
    func partitions(of member: ExactText, among count: Int, at now: Moment) -> [Bool] {
        let members = members(at: now)
        return (0..<count).map { !members.isEmpty && members[$0 % members.count] == member }
    }
}
