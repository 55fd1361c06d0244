import Foundation

/// A report about many worlds, as text and as JSON.
protocol Report: Encodable {
    var findings: [Finding] { get }
    var isSound: Bool { get }
    /// Human-readable.
    var text: String { get }
}

/// What the simulation does not cover.
enum NotSimulated {
    static let parts = [
        "sockets", "HTTP/2", "the gateway and its REST", "group commit", "PostgreSQL", "NATS",
    ]
    static let text = parts.joined(separator: ", ")
}

extension Report {
    /// The most items that a list prints.
    static var listedMax: Int { 10 }

    /// Human-readable: the first ``listedMax`` findings, and the number of the others.
    var findingLines: [String] {
        let more = findings.count - Self.listedMax
        return findings.prefix(Self.listedMax).flatMap(\.lines) + (more > 0 ? ["… and \(more) violations more"] : [])
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
