/// Reads each setting once, by flag (`--http-port 8081`), variable (`MARTLET_HTTP_PORT`) or line of the file of settings
/// (`http-port = 8081`); the first of them wins.
///
/// Faults are collected, and reported together by ``Config/read(program:arguments:environment:switches:_:)``. Not
/// swift-configuration: its providers ignore unknown flags and variables, which must be rejected here.
public struct ConfigReader {
    struct Input {
        let key: String
        let value: String
        var isInFile = false
    }

    private var faults: [ConfigFaults.Fault] = []
    private var flags: [String: Input] = [:]
    private var variables: [String: Input] = [:]
    private var lines: [String: Input] = [:]
    private var described: [SettingText] = []
    private var names: [String] = []
    /// What the names of the settings begin with.
    private var prefix = ""
    private let program: String

    init(program: String, arguments: [String], environment: [String: String], switches: Set<String>) {
        self.program = program
        for (name, value) in environment
        where name.hasPrefix(Config.prefix) && !ServiceLink.isAddress(value, of: name) {
            variables[name] = Input(key: name, value: value)
        }
        for name in Config.ignoredVariables { variables[name] = nil }
        parse(arguments, switches: switches)
        let file = optional(Config.fileSetting, help: "A file of settings, with one `http-port = 8081` a line.")
        if let file { readFile(file) }
    }

    private mutating func readFile(_ path: String) {
        let (lines, invalid) = SettingsFile.read(path)
        for fault in invalid {
            faults.append(ConfigFaults.Fault(key: fault.place, message: fault.message, isInFile: true))
        }
        for line in lines { self.lines[line.name] = Input(key: line.place, value: line.value, isInFile: true) }
    }

    private mutating func parse(_ arguments: [String], switches: Set<String>) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.count > 2 else {
                fault(argument, "is not a flag; flags look like --http-port 8081")
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
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
            flags[name] = Input(key: "--\(name)", value: value)
        }
    }

    // MARK: Reading

    /// Reads settings whose names begin with `scope` and a dash, as in `links-retention`.
    package mutating func scoped<Value>(_ scope: String, _ body: (inout ConfigReader) throws -> Value) rethrows -> Value
    {
        let outer = prefix
        defer { prefix = outer }
        prefix += "\(scope)-"
        return try body(&self)
    }

    /// - Parameters:
    ///   - name: The name of the flag without its leading dashes, as in `http-port`.
    ///   - defaultValue: `nil` makes the setting required.
    ///   - help: One line for the help text.
    public mutating func string(_ name: String, _ defaultValue: String?, help: String) -> String {
        read(name, shownDefault: defaultValue, fallback: defaultValue ?? "", help: help) {
            $0.isEmpty ? nil : $0
        } expected: {
            "must not be empty"
        }
    }

    /// An optional string.
    public mutating func optional(_ name: String, help: String) -> String? {
        let value = read(name, shownDefault: "", fallback: "", help: help) {
            $0.isEmpty ? nil : $0
        } expected: {
            "must not be empty"
        }
        return value.isEmpty ? nil : value
    }

    /// An optional value that has a form of its own.
    ///
    /// - Parameters:
    ///   - name: The name of the flag without its leading dashes.
    ///   - help: One line for the help text.
    ///   - expected: What a value must be, as in `must be a colour`.
    ///   - parse: Reads a value; `nil` for an invalid one.
    public mutating func optional<Value>(
        _ name: String,
        help: String,
        expected: String,
        parse: (String) -> Value?
    ) -> Value? {
        read(name, shownDefault: "", fallback: nil, help: help) { text in
            parse(text).map(Optional.some)
        } expected: {
            expected
        }
    }

    /// A value that another module reads.
    ///
    /// - Parameters:
    ///   - fallback: The value when the setting is missing or invalid.
    ///   - expected: What is wrong with a value that `parse` has refused.
    ///   - parse: Reads a value; `nil` for an invalid one.
    package mutating func value<Value>(
        _ name: String,
        isRequired: Bool,
        or fallback: Value,
        help: String,
        expected: () -> String,
        parse: (String) -> Value?
    ) -> Value {
        read(
            name,
            shownDefault: isRequired ? nil : "",
            fallback: fallback,
            help: help,
            parse: parse,
            expected: expected
        )
    }

    public mutating func int(_ name: String, _ defaultValue: Int?, in range: ClosedRange<Int>, help: String) -> Int {
        read(name, shownDefault: defaultValue.map(String.init), fallback: defaultValue ?? range.lowerBound, help: help)
        { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        } expected: {
            "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// A TCP port; 0 chooses a free one.
    public mutating func port(_ name: String, _ defaultValue: Int?, help: String) -> Int {
        int(name, defaultValue, in: 0...65_535, help: help)
    }

    /// `true` or `false`; a flag without a value means `true` if it is one of the switches.
    public mutating func bool(_ name: String, _ defaultValue: Bool, help: String) -> Bool {
        read(name, shownDefault: String(defaultValue), fallback: defaultValue, help: help) {
            ["true": true, "false": false][$0]
        } expected: {
            "must be true or false"
        }
    }

    /// A number with a unit: `250ms`, `1.5s`, `2m`, `1h`.
    public mutating func duration(
        _ name: String,
        _ defaultValue: Duration,
        in range: ClosedRange<Duration>,
        help: String
    ) -> Duration {
        read(name, shownDefault: "\(defaultValue)", fallback: defaultValue, help: help) { text in
            Self.duration(text).flatMap { range.contains($0) ? $0 : nil }
        } expected: {
            "must be a time such as 250ms, 1.5s or 2m, from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    /// One of the raw values of `Choice`.
    public mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String,
        _ defaultValue: Choice,
        help: String
    ) -> Choice {
        read(name, shownDefault: defaultValue.rawValue, fallback: defaultValue, help: help) {
            Choice(rawValue: $0)
        } expected: {
            "must be one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }

    /// The flag of a setting, as in `--http-port`: the key of its faults.
    ///
    /// - Parameter name: As it is read.
    public func flag(_ name: String) -> String { "--\(prefix)\(name)" }

    /// Reports a fault found by the caller, such as two settings that contradict each other.
    public mutating func fault(_ key: String, _ message: String) {
        faults.append(ConfigFaults.Fault(key: key, message: message))
    }

    // MARK: Private

    private mutating func read<Value>(
        _ name: String,
        shownDefault: String?,
        fallback: Value,
        help: String,
        parse: (String) -> Value?,
        expected: () -> String
    ) -> Value {
        let name = prefix + name
        precondition(!names.contains(name), "the setting \(name) is read twice")
        names.append(name)
        let variable = Config.variable(name)
        described.append(SettingText(name: name, variable: variable, standard: shownDefault, help: help))
        let flag = flags.removeValue(forKey: name)
        let input = variables.removeValue(forKey: variable)
        let line = lines.removeValue(forKey: name)
        guard let chosen = flag ?? input ?? line else {
            if shownDefault == nil { fault("--\(name)", "is missing (or set \(variable))") }
            return fallback
        }
        guard let value = parse(chosen.value) else {
            let message = chosen.value.isEmpty ? expected() : "'\(chosen.value)' \(expected())"
            faults.append(
                ConfigFaults.Fault(
                    key: chosen.key,
                    message: chosen.isInFile ? "\(name): \(message)" : message,
                    isInFile: chosen.isInFile
                )
            )
            return fallback
        }
        return value
    }

    mutating func finish() throws {
        if let help = flags["help"] {
            throw HelpRequested(
                text: help.value == "markdown"
                    ? SettingText.table(of: described) : SettingText.list(of: described, program)
            )
        }
        rejectUnread()
        if !faults.isEmpty { throw ConfigFaults(faults: faults) }
    }

    private mutating func rejectUnread() {
        for (name, input) in flags.sorted(by: { $0.key < $1.key }) {
            fault(input.key, "is not a flag of \(program)" + nearest(name, among: names) { "--\($0)" })
        }
        let words = names.map { String(Config.variable($0).dropFirst(Config.prefix.count)) }
        for (name, input) in variables.sorted(by: { $0.key < $1.key }) where !ServiceLink.hasForm(name) {
            let word = String(name.dropFirst(Config.prefix.count))
            fault(input.key, "is not a variable of \(program)" + nearest(word, among: words) { Config.prefix + $0 })
        }
        for (name, input) in lines.sorted(by: { $0.key < $1.key }) {
            let message = "\(name) is not a setting of \(program)" + nearest(name, among: names) { $0 }
            faults.append(ConfigFaults.Fault(key: input.key, message: message, isInFile: true))
        }
    }

    /// The end of a fault's message; empty when no known name is near.
    private func nearest(_ name: String, among names: [String], _ text: (String) -> String) -> String {
        NearestName.of(name, among: names).map { "; the nearest is \(text($0))" } ?? ""
    }

    private static func duration(_ text: String) -> Duration? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600)]
        guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(unit.count)), number.isFinite, 0...1e9 ~= number
        else { return nil }
        return .seconds(number * seconds)
    }
}
