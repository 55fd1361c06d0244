import MartletCore

/// What was done to one daemon, and when it was well again.
struct ChaosRecord: Sendable, Encodable {
    let kind: ChaosAct.Kind
    let daemon: String
    /// The process that was touched.
    let pid: Int32
    /// RFC 3339, in UTC.
    let at: String
    /// From the first touch to its end.
    let seconds: Double
    /// From the end of the touch until the daemon said that it was ready; `nil` when it did not within its time.
    let readyAfterSeconds: Double?
    /// Connections that were shut; 0 for all but a cut.
    let connections: Int

    var hasHealed: Bool { readyAfterSeconds != nil }

    /// One line for a person.
    var line: String {
        let touch =
            switch kind {
            case .kill: "killed"
            case .pause: "paused for \(Self.text(seconds)) s"
            case .slow: "slowed down for \(Self.text(seconds)) s"
            case .cut: "\(connections) connections shut"
            }
        let outcome = readyAfterSeconds.map { "ready again after \(Self.text($0)) s" } ?? "NOT READY AGAIN"
        return "\(at)  \(daemon) (process \(pid))  \(touch), \(outcome)"
    }

    /// Two digits are more than a person needs.
    private static func text(_ seconds: Double) -> String { "\((seconds * 100).rounded() / 100)" }
}
