import MartletConfig
import MartletCore
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

    @Test("record no spans without a collector, and name a share that is none")
    func traces() throws {
        #expect(try read([:]).traces.collector == nil)
        #expect(try read([:]).traces.share == 1)
        let given = try read(
            ["MARTLET_TRACES_SHARE": "0.25"],
            ["--traces-endpoint", "http://127.0.0.1:4318", "--traces-attributes", "a.b,c"]
        ).traces
        #expect(given.collector == CollectorAddress("http://127.0.0.1:4318"))
        #expect(given.share == 0.25)
        #expect(given.attributes == ["a.b", "c"])
        for (name, value) in [("share", "2"), ("share", "x"), ("endpoint", "https://c"), ("attributes", "")] {
            let faults = try #require(throws: ConfigFaults.self) { try read([:], ["--traces-\(name)=\(value)"]) }
            #expect(faults.faults.map(\.key) == ["--traces-\(name)"])
        }
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

    @Test("each listener has an address of its own, on the common host unless it has one")
    func listeners() throws {
        let same = try read([:], ["--host", "0.0.0.0", "--grpc-port", "7"]).listeners
        #expect(same == Listeners(host: "0.0.0.0", http: 0, grpc: 7, operate: 0, health: 0))
        let apart = try read(
            ["MARTLET_OPERATE_HOST": "127.0.0.1", "MARTLET_HEALTH_PORT": "8081"],
            ["--host", "::", "--http-host", "10.0.0.1", "--grpc-host", "10.0.0.2", "--health-host", "10.0.0.3"]
        )
        #expect(apart.listeners.http == ListenAddress(host: "10.0.0.1", port: 0))
        #expect(apart.listeners.grpc == ListenAddress(host: "10.0.0.2", port: 0))
        #expect(apart.listeners.operate == ListenAddress(host: "127.0.0.1", port: 0))
        #expect(apart.listeners.health == ListenAddress(host: "10.0.0.3", port: 8_081))
        let laptop = Listeners(host: "127.0.0.1", http: 0, grpc: 0, operate: 0, health: 0)
        #expect(try read([:]).listeners == laptop)
    }

    @Test("the pause before the listeners end is a setting")
    func drainDelay() throws {
        #expect(try read([:]).drainDelay == .milliseconds(200))
        #expect(try read(["MARTLET_DRAIN_DELAY": "15s"]).drainDelay == .seconds(15))
        #expect(throws: ConfigFaults.self) { try read([:], ["--drain-delay", "301s"]) }
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
