import MartletConfig
import Testing

@testable import MartletHost

@Suite("A daemon's settings")
struct DaemonSettingsTests {
    private func read(_ environment: [String: String], _ arguments: [String] = []) throws {
        let required = ["--data", "d", "--registry", "r", "--keys", "k"]
        _ = try Daemon.settings(
            "testd",
            arguments: required + arguments,
            environment: environment,
            crashPoints: ["sql.committed"],
            { reader in DaemonSettings(&reader) }
        )
    }

    @Test("take a crash point that exists, and none")
    func accepted() {
        #expect(throws: Never.self) { try read(["MARTLET_CRASH": "sql.committed:2"]) }
        #expect(throws: Never.self) { try read([:]) }
    }

    @Test(
        "refuse a crash point that would be waited for in vain, as a wrong use",
        arguments: ["sql.committed:0", "sql.comitted:1", "sql.committed:x", "mugs", ""]
    )
    func refused(_ crash: String) throws {
        let faults = try #require(throws: ConfigFaults.self) { try read(["MARTLET_CRASH": crash]) }
        #expect(faults.faults.map(\.key) == ["MARTLET_CRASH"])
        #expect(ExitStatus(faults) == .usage)
    }

    @Test("are told apart by status: a bad flag from a bad variable")
    func status() throws {
        let variable = try #require(throws: ConfigFaults.self) { try read(["MARTLET_MUGS": "7"]) }
        #expect(ExitStatus(variable) == .config)
        let both = try #require(throws: ConfigFaults.self) {
            try read(["MARTLET_MUGS": "7"], ["--http-port", "99999"])
        }
        #expect(ExitStatus(both) == .usage)
        #expect(both.description.contains("--http-port: '99999' must be a whole number from 0 to 65535"))
    }
}
