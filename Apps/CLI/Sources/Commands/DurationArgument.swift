import Console

/// A duration with a unit: `90s`, `15m`, `1h`, `7d`.
struct DurationArgument: Equatable, Sendable, CustomStringConvertible {
    static let flag = FlagValue.reading("a time from 1s to 1000000d, as in 90s, 15m, 1h or 7d") {
        DurationArgument(argument: $0)
    }
    private static let units: [(letter: Character, seconds: Int64)] = [
        ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1),
    ]

    let duration: Duration

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        guard let unit = Self.units.first(where: { $0.letter == argument.last }),
            let number = Int64(argument.dropLast()), 1...1_000_000 ~= number
        else { return nil }
        duration = .seconds(number * unit.seconds)
    }

    /// As written on the command line.
    var description: String {
        let seconds = duration.components.seconds
        let unit = Self.units.first { seconds % $0.seconds == 0 } ?? (letter: "s", seconds: 1)
        return "\(seconds / unit.seconds)\(unit.letter)"
    }
}
