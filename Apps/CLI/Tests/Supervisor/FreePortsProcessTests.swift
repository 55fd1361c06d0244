import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import CLI

@Suite("Free ports", .timeLimit(.minutes(HangLimit.testMinutes)))
struct FreePortsProcessTests {
    @Test("are free after their search, also while this process starts others")
    func childProcesses() async throws {
        let search = Task.detached { () throws -> [Int] in
            var blocked: [Int] = []
            while !Task.isCancelled {
                // A new value each time, which does not exclude the ports that it found before.
                var free = FreePorts(entropy: SystemEntropy())
                let port = try free.reserve(nil)
                if !FreePorts.isFree(port) { blocked.append(port) }
            }
            return blocked
        }
        for _ in 0..<100 {
            let child = try Process.run(URL(fileURLWithPath: "/bin/true"), arguments: [])
            child.waitUntilExit()
        }
        search.cancel()
        #expect(try await search.value.isEmpty)
    }
}
