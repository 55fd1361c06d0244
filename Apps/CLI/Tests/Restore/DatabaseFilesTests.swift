import Console
import Foundation
import MartletTesting
import Testing

@testable import CLI

@Suite("Files of a restore")
struct DatabaseFilesTests {
    private let temporary: TemporaryFolder
    private var folder: DataFolder { DataFolder(temporary.path) }
    private var orders: DatabaseFiles { DatabaseFiles(folder: temporary.path, name: "orders") }

    init() throws { temporary = try TemporaryFolder() }

    private func make(_ path: String) throws { try Data().write(to: URL(fileURLWithPath: path)) }

    @Test("an interrupted restore is named with the command that completes it, until it is in place")
    func interrupted() throws {
        try make(orders.path)
        try DatabaseFiles.requireNoInterruptedRestore(in: folder)
        try make(orders.prepared.path)
        // Killed between the two renames.
        _ = try orders.setAside(as: "1")
        let failure = try #require(throws: CommandFailure.self) {
            try DatabaseFiles.requireNoInterruptedRestore(in: folder)
        }
        #expect(failure.description.contains("`martlet restore orders --data \(folder.path) --from FOLDER`"))
        #expect(throws: CommandFailure.self) {
            try DatabaseFiles.requireNoInterruptedRestore(in: folder, except: "carts")
        }
        try DatabaseFiles.requireNoInterruptedRestore(in: folder, except: "orders")
        try orders.prepared.move(to: orders)
        try DatabaseFiles.requireNoInterruptedRestore(in: folder)
    }
}
