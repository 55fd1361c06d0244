import Foundation
import MartletCore

/// What waits for an operator in one service.
struct WaitingWork: Encodable, Equatable {
    /// The metric that every service exposes.
    private static let metric = "martlet_waiting_for_operator{"
    /// The kind of events that a group will not receive, as its service has stored them.
    static let lostEvents = "lost_events"

    let service: String
    /// As in `parked_keys`.
    let kind: String
    let count: Int

    /// What a process reports in its metrics, in the order of services and kinds; without what is 0.
    static func all(in exposition: String) -> [WaitingWork] {
        exposition.split(whereSeparator: \.isNewline).compactMap { WaitingWork(line: $0) }.filter { $0.count > 0 }
            .sorted { $0.order < $1.order }
    }

    init(service: String, kind: String, count: Int) {
        self.service = service
        self.kind = kind
        self.count = count
    }

    private init?(line: Substring) {
        guard line.hasPrefix(Self.metric), let end = line.lastIndex(of: "}") else { return nil }
        let value = line[line.index(after: end)...].trimmingCharacters(in: .whitespaces)
        guard let number = Double(value), let count = Int(exactly: number),
            let service = Self.label("service", in: line), let kind = Self.label("kind", in: line)
        else { return nil }
        self.init(service: service, kind: kind, count: count)
    }

    private var order: (ExactText, ExactText) { (ExactText(service), ExactText(kind)) }

    private static func label(_ name: String, in line: Substring) -> String? {
        let parts = line.components(separatedBy: "\(name)=\"")
        guard parts.count == 2, let end = parts[1].firstIndex(of: "\"") else { return nil }
        return String(parts[1][..<end])
    }

    /// For operators: what waits, and the command that lists it.
    var text: String {
        let what = "\(service): \(count) \(kind.replacingOccurrences(of: "_", with: " "))"
        return command.map { "\(what): `\($0)`" } ?? what
    }

    /// `nil` for what only the service itself knows.
    private var command: String? {
        switch kind {
        case "parked_keys": "martlet events parked list"
        case "keys_with_gaps": "martlet events gaps list"
        case "late_events": "martlet events late list"
        case Self.lostEvents: "martlet events losses"
        case "running_resends": "martlet resend list"
        case "workflow_runs": "martlet workflows list --state needs_human"
        default: nil
        }
    }
}
