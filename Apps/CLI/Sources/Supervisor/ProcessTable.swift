import Foundation

/// What a supervisor writes down about its processes, for `status`, `down` and the next supervisor.
struct ProcessTable: Sendable, Codable, Equatable {
    struct Row: Sendable, Codable, Equatable {
        /// The program, as in `ordersd`.
        let name: String
        /// As the registry knows it, as in `orders`; several for a program that holds them all.
        let services: [String]
        var state: DaemonLife.State
        /// `nil` while it has no process.
        var mark: ProcessMark?
        var restarts: Int
        /// REST and health; 0 when it has none.
        let http: Int
        let grpc: Int
        let operate: Int
        let log: String
    }

    static let bytesLimit = 1 << 20

    var supervisor: ProcessMark?
    /// The entrance, as in `http://127.0.0.1:8080`.
    var url: String
    var singleProcess: Bool
    /// In the order in which they are drained.
    var rows: [Row]

    /// The table in `folder`; `nil` when there is none that can be read.
    static func read(_ folder: DataFolder) -> ProcessTable? {
        guard let data = FileManager.default.contents(atPath: folder.processes), data.count <= bytesLimit else {
            return nil
        }
        return try? JSONDecoder().decode(ProcessTable.self, from: data)
    }

    /// Replaces the table, whole or not at all.
    func write(to folder: DataFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: folder.processes), options: .atomic)
    }
}
