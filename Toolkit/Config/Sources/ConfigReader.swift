/// Reads each setting once, by flag (`--http-port 8081`) or variable (`MARTLET_HTTP_PORT`); the flag wins.
///
/// Faults are collected, and reported together by ``Config/read(program:arguments:environment:_:)``. Our own, since
/// swift-configuration's providers pass over flags and variables that nobody asked for, and we must refuse them.
public struct ConfigReader {
    struct Given {
        let key: String
        let value: String
    }

    /// What a read answers when the setting is missing or wrong: never seen, since the read is then refused as a whole.
    private var faults: [ConfigFaults.Fault] = []
    private var flags: [String: Given] = [:]
    private var variables: [String: Given] = [:]
    private var described: [String] = []
    private let program: String

    init(program: String, arguments: [String], environment: [String: String], switches: Set<String>) {
        self.program = program
        for (name, value) in environment where name.hasPrefix(Config.prefix) {
            variables[name] = Given(key: name, value: value)
        }
        for name in Config.variablesOfOthers { variables[name] = nil }
        parse(arguments, switches: switches)
    }

    private mutating func parse(_ arguments: [String], switches: Set<String>) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                fault(word, "is not a flag; flags look like --http-port 8081")
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            let value: String
            if parts.count == 2 {
                value = String(parts[1])
            } else if switches.contains(name) {
                value = "true"
            } else if let next = rest.first, !next.hasPrefix("--") {
                value = next
                rest.removeFirst()
            } else {
                value = ""
            }
            if flags[name] != nil { fault("--\(name)", "is given twice") }
            flags[name] = Given(key: "--\(name)", value: value)
        }
    }

    // MARK: Reading

    /// - Parameter preset: What holds when nothing is given; `nil` makes the setting required.
    public mutating func string(_ name: String, _ preset: String?, help: String) -> String {
        read(name, preset, preset ?? "", help) {
            $0.isEmpty ? nil : $0
        } expected: {
            "must not be empty"
        }
    }

    /// A string that may be missing.
    public mutating func optional(_ name: String, help: String) -> String? {
        let value = read(name, "", "", help) {
            $0.isEmpty ? nil : $0
        } expected: {
            "must not be empty"
        }
        return value.isEmpty ? nil : value
    }

    public mutating func int(_ name: String, _ preset: Int?, in range: ClosedRange<Int>, help: String) -> Int {
        read(name, preset.map(String.init), preset ?? range.lowerBound, help) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        } expected: {
            "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// A TCP port; 0 takes a free one.
    public mutating func port(_ name: String, _ preset: Int?, help: String) -> Int {
        int(name, preset, in: 0...65_535, help: help)
    }

    /// `true` or `false`; the bare flag means `true` when ``Config/read(program:arguments:environment:switches:_:)`` knows it.
    public mutating func bool(_ name: String, _ preset: Bool, help: String) -> Bool {
        read(name, String(preset), preset, help) {
            ["true": true, "false": false][$0]
        } expected: {
            "must be true or false"
        }
    }

    /// A number with a unit: `250ms`, `1.5s`, `2m`, `1h`.
    public mutating func duration(
        _ name: String,
        _ preset: Duration,
        in range: ClosedRange<Duration>,
        help: String
    ) -> Duration {
        read(name, "\(preset)", preset, help) { text in
            Self.duration(text).flatMap { range.contains($0) ? $0 : nil }
        } expected: {
            "must be a time such as 250ms, 1.5s or 2m, from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// One of a few words.
    public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String,
        _ preset: Choice,
        help: String
    ) -> Choice {
        read(name, preset.rawValue, preset, help) {
            Choice(rawValue: $0)
        } expected: {
            "must be one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }

    /// Reports a fault that only the reader's caller can see, such as two settings that do not fit.
    public mutating func fault(_ key: String, _ message: String) {
        faults.append(ConfigFaults.Fault(key: key, message: message))
    }

    // MARK: Inside

    private mutating func read<Value>(
        _ name: String,
        _ shown: String?,
        _ standIn: Value,
        _ help: String,
        _ parse: (String) -> Value?,
        expected: () -> String
    ) -> Value {
        let variable = Config.variable(name)
        let preset = shown.map { $0.isEmpty ? "" : " (\($0))" } ?? " (required)"
        described.append("  --\(name), \(variable)\(preset)\n      \(help)")
        let flag = flags.removeValue(forKey: name)
        let given = variables.removeValue(forKey: variable)
        guard let chosen = flag ?? given else {
            if shown == nil { fault("--\(name)", "is missing (or set \(variable))") }
            return standIn
        }
        guard let value = parse(chosen.value) else {
            fault(chosen.key, chosen.value.isEmpty ? expected() : "'\(chosen.value)' \(expected())")
            return standIn
        }
        return value
    }

    mutating func finish() throws {
        if flags["help"] != nil {
            throw HelpRequested(
                text: "\(program)\n\nSettings, by flag or variable; the flag wins:\n\n"
                    + described.joined(separator: "\n")
            )
        }
        for given in flags.values.sorted(by: { $0.key < $1.key }) { fault(given.key, "is not a flag of \(program)") }
        for given in variables.values.sorted(by: { $0.key < $1.key }) {
            fault(given.key, "is not a variable of \(program)")
        }
        if !faults.isEmpty { throw ConfigFaults(faults: faults) }
    }

    private static func duration(_ text: String) -> Duration? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600)]
        guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(unit.count)), number.isFinite, 0...1e9 ~= number
        else { return nil }
        return .seconds(number * seconds)
    }
}
