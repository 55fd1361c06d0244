import ArgumentParser
import Console
import Foundation
import Testing

@testable import Retail

@Suite("Replay figures")
struct ReplayReportTests {
    @Test("are printed in singular and plural")
    func counted() {
        #expect([0, 1, 2].map { ReplayReport.counted($0, "return") } == ["0 returns", "1 return", "2 returns"])
    }

    @Test("come from the script above the program's folder, independent of the current folder")
    func script() throws {
        let programs = InvoicesFixture.root.appendingPathComponent(".build/x/debug").path
        let script = try ExpectedFigures.script(above: programs)
        #expect(script == InvoicesFixture.root.appendingPathComponent(ExpectedFigures.name).path)
    }

    @Test("a missing script is an error, without a fallback to the program's own figures")
    func missing() throws {
        let failure = try #require(throws: CommandFailure.self) {
            try ExpectedFigures.script(above: NSTemporaryDirectory())
        }
        #expect(failure.description.contains(ExpectedFigures.name))
        #expect(failure.description.contains("--own-figures"))
        #expect(failure.status == CommandStatus.failed)
    }
}
