import Foundation
import MartletHost

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
        /// The port for REST; 0 for none.
        package let http: Int
        package let grpc: Int
        package let operate: Int
        /// The port for health and metrics; `nil` in a table of an earlier version, whose port for REST serves them.
        package let health: Int?
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
            health: Int?,
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
            self.health = health
            self.log = log
        }

        /// The port on which it answers about its health.
        package var probed: Int { health ?? http }
    }

    package static let bytesLimit = 1 << 20

    /// The identity of the folder to which the table belongs; `nil` in one of an earlier version.
    package var folder: String?
    package var supervisor: ProcessIdentity?
    /// The gateway, as in `http://127.0.0.1:8080`.
    package var url: String
    package var singleProcess: Bool
    /// In drain order.
    package var rows: [Row]

    package init(folder: String?, supervisor: ProcessIdentity?, url: String, singleProcess: Bool, rows: [Row]) {
        self.folder = folder
        self.supervisor = supervisor
        self.url = url
        self.singleProcess = singleProcess
        self.rows = rows
    }

    /// The table of `folder`; `nil` when there is none, or one of another folder of which this one is a copy.
    ///
    /// - Throws: ``CommandFailure`` when it cannot be read: what runs is then unknown.
    package static func read(_ folder: DataFolder) throws(CommandFailure) -> ProcessTable? {
        let path = folder.processes
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= bytesLimit else {
            throw CommandFailure("\(path): cannot be read, or is over \(bytesLimit) bytes")
        }
        do {
            let table = try JSONDecoder().decode(ProcessTable.self, from: data)
            return try folder.origin().owns(table) ? table : nil
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                "\(path): is not a table of processes; delete it when none of them runs: \(ErrorText.plain(error))"
            )
        }
    }

    /// Replaces the table atomically; after an error the earlier one is there.
    package func write(to folder: DataFolder) throws(CommandFailure) { try folder.write(self, to: folder.processes) }
}

extension DataFolder.Origin {
    /// Whether `table` was written by a supervisor of the folder.
    fileprivate func owns(_ table: ProcessTable) -> Bool {
        switch self {
        case .unknown: true
        // A table without a folder is from an earlier version, before the folder got its identity.
        case .own(let known): table.folder.map { $0.utf8.elementsEqual(known.id.utf8) } ?? true
        case .copy: false
        }
    }
}
