import Foundation
import MartletCore

/// Processes of a supervisor that died without draining them.
struct Leftovers: Sendable {
    /// How long they may take to end before they are killed.
    static let patience: Duration = .seconds(15)
    static let look: Duration = .milliseconds(50)

    let marks: [ProcessMark]

    /// What still runs of what `table` says.
    init(of table: ProcessTable?) {
        marks = (table?.rows ?? []).compactMap(\.mark).filter(\.isAlive)
    }

    /// Ends them: asks first, and kills after ``patience``.
    func end(time: any TimeSource) async throws {
        for mark in marks { mark.send(SIGTERM) }
        let limit = time.now + Self.patience
        while marks.contains(where: \.isAlive) {
            if time.now >= limit {
                for mark in marks { mark.send(SIGKILL) }
            }
            try await time.sleep(for: Self.look)
        }
    }
}
