import Console
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import CLI

@Suite("Free ports", .timeLimit(.minutes(HangLimit.testMinutes)))
struct FreePortsProcessTests {
    /// Searches ports until it is ended.
    private final class Search: Sendable {
        private let isOver = Mutex(false)

        /// - Returns: The ports that were not free after their search.
        func run() async throws -> [Int] {
            var blocked: [Int] = []
            while !isOver.withLock({ $0 }) {
                // A new value each time, which does not exclude the ports that it found before.
                var free = FreePorts(entropy: SystemEntropy())
                let port = try free.reserve(nil)
                if !FreePorts.isFree(port) { blocked.append(port) }
                await Task.yield()
            }
            return blocked
        }

        func end() { isOver.withLock { $0 = true } }
    }

    @Test("are free after their search, also while this process starts others")
    func childProcesses() async throws {
        let files = try TemporaryFolder()
        let program = ChildProcess.Program(path: "/bin/true", arguments: [], environment: [:], log: files.file("log"))
        let search = Search()
        async let blocked = search.run()
        do {
            defer { search.end() }
            for _ in 0..<100 {
                let (ends, end) = AsyncStream.makeStream(of: ProcessEnd.self)
                _ = try await ChildProcess.start(program) { end.yield($0) }
                for await _ in ends { break }
            }
        }
        #expect(try await blocked.isEmpty)
    }
}
