/// All faults of the configuration.
public struct ConfigFaults: Error, Equatable, CustomStringConvertible {
    /// A fault of one setting.
    public struct Fault: Sendable, Equatable, CustomStringConvertible {
        /// The flag, the variable or the line as the operator wrote it, such as `--http-port`, `MARTLET_HTTP_PORT` or
        /// `/etc/links.conf:3`.
        public let key: String
        public let message: String
        /// Whether it is in the file of settings.
        package var isInFile = false

        public var description: String { "\(key): \(message)" }
    }

    public let faults: [Fault]

    /// One line per fault.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// Thrown for `--help`.
public struct HelpRequested: Error, Equatable {
    /// All settings with their variables, defaults and descriptions: a list, or a table for a document.
    public let text: String
}
