import Console
import Foundation
import MartletCore

/// Processes of a supervisor that exited without draining them.
struct OrphanProcesses: Sendable {
    /// How long they may take to exit before they are killed.
    static let gracePeriod: Duration = .seconds(15)
    static let pollInterval: Duration = .milliseconds(50)

    let processes: [ProcessIdentity]

    /// The processes in `tables` that still run and work on `folder`: never those of a folder of which it is a copy.
    init(of tables: ProcessTable?..., in folder: DataFolder) {
        let marks = tables.flatMap { $0?.rows ?? [] }.compactMap(\.mark)
        processes = Set(marks).sorted { $0.pid < $1.pid }.filter { $0.uses(folder) }
    }

    /// Sends SIGTERM, and SIGKILL after ``gracePeriod``.
    func end(time: any TimeSource) async throws {
        for process in processes { process.send(SIGTERM) }
        let limit = time.now + Self.gracePeriod
        while processes.contains(where: \.isAlive) {
            if time.now >= limit {
                for process in processes { process.send(SIGKILL) }
            }
            try await time.sleep(for: Self.pollInterval)
        }
    }
}
