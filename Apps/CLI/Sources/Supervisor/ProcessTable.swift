import Foundation

/// A supervisor's record of its processes, for `status`, `down` and the next supervisor.
struct ProcessTable: Sendable, Codable, Equatable {
    struct Row: Sendable, Codable, Equatable {
        /// The program.
        let name: String
        /// Names in the registry; several for a program that runs all services.
        let services: [String]
        var state: DaemonLifecycle.State
        /// `nil` while it has no process.
        var mark: ProcessIdentity?
        var restarts: Int
        /// The port for REST and health; 0 for none.
        let http: Int
        let grpc: Int
        let operate: Int
        let log: String
    }

    static let bytesLimit = 1 << 20

    var supervisor: ProcessIdentity?
    /// The gateway, as in `http://127.0.0.1:8080`.
    var url: String
    var singleProcess: Bool
    /// In drain order.
    var rows: [Row]

    /// The table in `folder`; `nil` when it is missing or unreadable.
    static func read(_ folder: DataFolder) -> ProcessTable? {
        guard let data = FileManager.default.contents(atPath: folder.processes), data.count <= bytesLimit else {
            return nil
        }
        return try? JSONDecoder().decode(ProcessTable.self, from: data)
    }

    /// Replaces the table atomically.
    func write(to folder: DataFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: folder.processes), options: .atomic)
    }
}
