import Console
import Testing

@testable import CLI

@Suite("Building a program of the system")
struct SystemCommandProcessTests {
    @Test("only exit status 0 is a success")
    func statuses() throws {
        #expect(try SystemCommand.succeeds(["true"]))
        #expect(try !SystemCommand.succeeds(["false"]))
        #expect(try !SystemCommand.succeeds(["sh", "-c", "kill -9 $$"]))
    }

    @Test("a build tool that is not installed is a usage error")
    func missing() throws {
        let failure = try #require(throws: CommandFailure.self) {
            try SystemCommand.succeeds(["no-such-build-tool", "build"])
        }
        #expect(failure.description.hasPrefix("no-such-build-tool cannot be started"))
        #expect(failure.status == CommandStatus.usage)
    }
}
