import MartletCore

/// One performed action and the daemon's recovery.
struct ChaosRecord: Sendable, Encodable {
    let kind: ChaosAction.Kind
    let daemon: String
    /// The affected process.
    let pid: Int32
    /// RFC 3339, in UTC.
    let at: String
    /// The duration of the fault.
    let seconds: Double
    /// From the end of the fault until the daemon was ready; `nil` when it did not become ready in time.
    let readyAfterSeconds: Double?
    /// The number of connections shut down; 0 for all kinds but `cut`.
    let connections: Int

    var hasRecovered: Bool { readyAfterSeconds != nil }

    /// One human-readable line.
    var line: String {
        let effect =
            switch kind {
            case .kill: "killed"
            case .pause: "paused for \(Self.text(seconds)) s"
            case .slow: "slowed down for \(Self.text(seconds)) s"
            case .cut: "\(connections) connections shut"
            }
        let outcome = readyAfterSeconds.map { "ready again after \(Self.text($0)) s" } ?? "NOT READY AGAIN"
        return "\(at)  \(daemon) (process \(pid))  \(effect), \(outcome)"
    }

    /// Rounded to two decimals.
    private static func text(_ seconds: Double) -> String { "\((seconds * 100).rounded() / 100)" }
}
