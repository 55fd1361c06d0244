import MartletConfig
import Testing

@testable import MartletHost

@Suite("Daemon settings")
struct DaemonSettingsTests {
    @discardableResult
    private func read(_ environment: [String: String], _ arguments: [String] = []) throws -> DaemonSettings {
        let required = ["--data", "d", "--registry", "r", "--keys", "k"]
        return try Daemon.settings(
            "testd",
            arguments: required + arguments,
            environment: environment,
            crashPoints: ["sql.committed"],
            { reader in DaemonSettings(&reader) }
        )
    }

    @Test("accept an existing crash point, or none")
    func accepted() {
        #expect(throws: Never.self) { try read(["MARTLET_CRASH": "sql.committed:2"]) }
        #expect(throws: Never.self) { try read([:]) }
    }

    @Test(
        "reject an invalid or unknown crash point as a usage error",
        arguments: ["sql.committed:0", "sql.comitted:1", "sql.committed:x", "mugs", ""]
    )
    func rejected(_ crash: String) throws {
        let faults = try #require(throws: ConfigFaults.self) { try read(["MARTLET_CRASH": crash]) }
        #expect(faults.faults.map(\.key) == ["MARTLET_CRASH"])
        #expect(ExitStatus(faults) == .usage)
    }

    @Test("accept the name of a system that a header can carry, and none")
    func system() throws {
        #expect(try read([:]).system == nil)
        #expect(try read([:], ["--system", "0197-a.B_c"]).system?.description == "0197-a.B_c")
        #expect(try read(["MARTLET_SYSTEM": String(repeating: "x", count: 64)]).system != nil)
        for name in ["a b", "é", "a\r\nb", String(repeating: "x", count: 65)] {
            let faults = try #require(throws: ConfigFaults.self) { try read(["MARTLET_SYSTEM": name]) }
            #expect(faults.faults.map(\.key) == ["MARTLET_SYSTEM"])
            #expect(faults.description.contains("letters, digits"))
        }
    }

    @Test("an invalid flag and an invalid variable have different exit statuses")
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
