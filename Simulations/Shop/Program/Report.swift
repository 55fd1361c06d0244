import Foundation

/// What is said of many worlds, to people and to programs.
protocol Report: Encodable {
    var findings: [Finding] { get }
    var isSound: Bool { get }
    /// For people.
    var text: String { get }
}

/// What no report can speak for.
enum NotSimulated {
    static let parts = [
        "sockets", "HTTP/2", "the gateway and its REST", "group commit", "PostgreSQL", "NATS",
    ]
    static let text = parts.joined(separator: ", ")
}

extension Report {
    /// What is told at length, of whatever there may be much.
    static var toldLimit: Int { 10 }

    /// For people: what was found, the first ``toldLimit`` at length.
    var findingLines: [String] {
        let more = findings.count - Self.toldLimit
        return findings.prefix(Self.toldLimit).flatMap(\.lines) + (more > 0 ? ["… and \(more) violations more"] : [])
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
