/// All faults of the configuration.
public struct ConfigFaults: Error, Equatable, CustomStringConvertible {
    /// A fault of one setting.
    public struct Fault: Sendable, Equatable {
        /// The flag or the variable as the operator wrote it, such as `--http-port` or `MARTLET_HTTP_PORT`.
        public let key: String
        public let message: String
    }

    public let faults: [Fault]

    /// One line per fault.
    public var description: String { faults.map { "\($0.key): \($0.message)" }.joined(separator: "\n") }
}

/// Thrown for `--help`.
public struct HelpRequested: Error, Equatable {
    /// All settings with their variables, defaults and descriptions: a list, or a table for a document.
    public let text: String
}
