/// Acts from a seed, one after the other: equal seeds and equal daemons give equal acts.
struct ChaosPlan: Sendable {
    /// How long a pause or a slow time lasts.
    static let milliseconds = 500...6_000
    /// The rest between two acts, in which the shop is well.
    static let restMilliseconds = 500...3_000
    /// Kinds by how often they are chosen.
    private static let kinds: [ChaosAct.Kind] = [.kill, .kill, .kill, .pause, .pause, .slow, .cut, .cut]

    private let daemons: [String]
    private var dice: SampleDice
    /// Whose turn it is: everybody has had one before anybody has a second.
    private var turns: [String] = []

    /// - Parameter daemons: At least one.
    init(seed: UInt64, daemons: [String]) {
        precondition(!daemons.isEmpty)
        self.daemons = daemons.sorted()
        dice = SampleDice(seed: seed)
    }

    /// What is done next, and how long the shop rests afterwards.
    mutating func next() -> (act: ChaosAct, rest: Duration) {
        if turns.isEmpty { turns = shuffled() }
        let daemon = turns.removeLast()
        let kind = dice.pick(Self.kinds)
        let length = Duration.milliseconds(dice.within(Self.milliseconds))
        let rest = Duration.milliseconds(dice.within(Self.restMilliseconds))
        let lasts = kind == .pause || kind == .slow
        return (ChaosAct(kind: kind, daemon: daemon, length: lasts ? length : .zero), rest)
    }

    private mutating func shuffled() -> [String] {
        var left = daemons
        return daemons.map { _ in left.remove(at: dice.below(left.count)) }
    }
}
