import Foundation

/// A supervisor's record of its processes, for `status`, `down` and the next supervisor.
package struct ProcessTable: Sendable, Codable, Equatable {
    package struct Row: Sendable, Codable, Equatable {
        /// The program.
        package let name: String
        /// Names in the registry; several for a program that runs all services.
        package let services: [String]
        package var state: DaemonLifecycle.State
        /// `nil` while it has no process.
        package var mark: ProcessIdentity?
        package var restarts: Int
        /// The port for REST and health; 0 for none.
        package let http: Int
        package let grpc: Int
        package let operate: Int
        package let log: String

        package init(
            name: String,
            services: [String],
            state: DaemonLifecycle.State,
            mark: ProcessIdentity?,
            restarts: Int,
            http: Int,
            grpc: Int,
            operate: Int,
            log: String
        ) {
            self.name = name
            self.services = services
            self.state = state
            self.mark = mark
            self.restarts = restarts
            self.http = http
            self.grpc = grpc
            self.operate = operate
            self.log = log
        }
    }

    package static let bytesLimit = 1 << 20

    package var supervisor: ProcessIdentity?
    /// The gateway, as in `http://127.0.0.1:8080`.
    package var url: String
    package var singleProcess: Bool
    /// In drain order.
    package var rows: [Row]

    package init(supervisor: ProcessIdentity?, url: String, singleProcess: Bool, rows: [Row]) {
        self.supervisor = supervisor
        self.url = url
        self.singleProcess = singleProcess
        self.rows = rows
    }

    /// The table in `folder`; `nil` when there is none.
    ///
    /// - Throws: ``CommandFailure`` when it cannot be read: what runs is then unknown.
    package static func read(_ folder: DataFolder) throws(CommandFailure) -> ProcessTable? {
        let path = folder.processes
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= bytesLimit else {
            throw CommandFailure("\(path): cannot be read, or is over \(bytesLimit) bytes")
        }
        do {
            return try JSONDecoder().decode(ProcessTable.self, from: data)
        } catch {
            throw CommandFailure("\(path): is not a table of processes; delete it when none of them runs: \(error)")
        }
    }

    /// Replaces the table atomically.
    package func write(to folder: DataFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: folder.processes), options: .atomic)
    }
}
