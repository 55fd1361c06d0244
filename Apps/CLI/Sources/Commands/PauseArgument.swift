import ArgumentParser

/// A span of time as people write it: `90s`, `15m`, `1h`, `7d`.
struct PauseArgument: ExpressibleByArgument, Equatable, Sendable {
    let duration: Duration

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let number = Int64(argument.dropLast()),
            1...1_000_000 ~= number
        else { return nil }
        duration = .seconds(number * unit)
    }

    var defaultValueDescription: String { "\(duration)" }
}
