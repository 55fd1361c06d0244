import Console

/// A sequence of actions from a seed: equal seeds and equal daemons give equal actions.
struct ChaosPlan: Sendable {
    /// How long a `pause` or `slow` action lasts.
    static let milliseconds = 500...6_000
    /// The delay between two actions, without faults.
    static let delayMilliseconds = 500...3_000
    /// Each kind is listed as often as its weight.
    private static let kinds: [ChaosAction.Kind] = [.kill, .kill, .kill, .pause, .pause, .slow, .cut, .cut]

    private let daemons: [String]
    private var dice: SeededDice
    /// The daemons left in this round: every daemon is chosen once per round.
    private var remaining: [String] = []

    /// - Parameter daemons: At least one.
    init(seed: UInt64, daemons: [String]) {
        precondition(!daemons.isEmpty)
        self.daemons = daemons.sorted()
        dice = SeededDice(seed: seed)
    }

    /// The next action, and the delay after it.
    mutating func next() -> (action: ChaosAction, delay: Duration) {
        if remaining.isEmpty { remaining = shuffled() }
        let daemon = remaining.removeLast()
        let kind = dice.pick(Self.kinds)
        let length = Duration.milliseconds(dice.within(Self.milliseconds))
        let delay = Duration.milliseconds(dice.within(Self.delayMilliseconds))
        let lasts = kind == .pause || kind == .slow
        return (ChaosAction(kind: kind, daemon: daemon, length: lasts ? length : .zero), delay)
    }

    private mutating func shuffled() -> [String] {
        var left = daemons
        return daemons.map { _ in left.remove(at: dice.below(left.count)) }
    }
}
