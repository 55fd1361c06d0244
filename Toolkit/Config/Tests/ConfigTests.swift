import Testing

@testable import MartletConfig

private struct Settings: Equatable {
    var port: Int
    var data: String
    var pause: Duration
    var loud: Bool
}

private func settings(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Settings {
    try Config.read(program: "testd", arguments: arguments, environment: environment, switches: ["loud"]) { reader in
        Settings(
            port: reader.port("http-port", 8080, help: "Where REST is served."),
            data: reader.string("data", nil, help: "The data folder."),
            pause: reader.duration("pause", .seconds(1), in: .zero ... .seconds(60), help: "Between two checks."),
            loud: reader.bool("loud", false, help: "Logs more.")
        )
    }
}

@Suite("Configuration")
struct ConfigTests {
    @Test("is read from flags first, then from variables, then from defaults")
    func order() throws {
        let read = try settings(
            ["--http-port=81", "--loud", "--pause", "250ms"],
            ["MARTLET_HTTP_PORT": "82", "MARTLET_DATA": "/d", "MARTLET_CRASH": "a:1", "PATH": "/bin"]
        )
        #expect(read == Settings(port: 81, data: "/d", pause: .milliseconds(250), loud: true))
    }

    @Test("reports every fault by its key")
    func faults() throws {
        let error = try #require(throws: ConfigFaults.self) {
            try settings(
                ["--http-port", "99999", "--colour", "red", "stray"],
                ["MARTLET_PAUSE": "soon", "MARTLET_DTA": "/d"]
            )
        }
        #expect(
            error.faults.map(\.key) == [
                "stray", "--http-port", "--data", "MARTLET_PAUSE", "--colour", "MARTLET_DTA",
            ]
        )
    }

    @Test("rejects a repeated flag and a flag without a value")
    func twice() throws {
        let twice = try #require(throws: ConfigFaults.self) { try settings(["--data", "a", "--data", "b"]) }
        #expect(twice.faults.map(\.key) == ["--data"])
        let bare = try #require(throws: ConfigFaults.self) { try settings(["--data", "--loud"]) }
        #expect(bare.faults.map(\.message) == ["must not be empty"])
    }

    @Test("describes its settings for `--help`")
    func help() throws {
        let help = try #require(throws: HelpRequested.self) { try settings(["--help"]) }
        #expect(help.text.contains("--http-port, MARTLET_HTTP_PORT (8080)\n      Where REST is served."))
        #expect(help.text.contains("--data, MARTLET_DATA (required)"))
    }

    @Test("describes its settings as a table for `--help=markdown`")
    func table() throws {
        let help = try #require(throws: HelpRequested.self) { try settings(["--help=markdown"]) }
        let lines = help.text.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines[2].hasPrefix("| `--settings` | `MARTLET_SETTINGS` | none | "))
        #expect(lines[3] == "| `--http-port` | `MARTLET_HTTP_PORT` | `8080` | Where REST is served. |")
        #expect(lines[4] == "| `--data` | `MARTLET_DATA` | required | The data folder. |")
    }

    @Test("ignores the variables by which Kubernetes names a service, also one with the name of a setting")
    func links() throws {
        let links = [
            "MARTLET_SERVICE_HOST": "10.0.0.11", "MARTLET_SERVICE_PORT": "80", "MARTLET_SERVICE_PORT_WEB": "80",
            "MARTLET_PORT": "tcp://10.0.0.11:80", "MARTLET_PORT_80_TCP": "tcp://10.0.0.11:80",
            "MARTLET_PORT_80_TCP_PROTO": "tcp", "MARTLET_PORT_80_TCP_PORT": "80",
            "MARTLET_PORT_80_TCP_ADDR": "10.0.0.11",
            "MARTLET_CACHE_2_SERVICE_HOST": "fd00::1", "MARTLET_CACHE_2_PORT": "udp://[fd00::1]:53",
            "MARTLET_CACHE_2_PORT_53_UDP_ADDR": "fd00::1", "MARTLET_HTTP_PORT": "tcp://10.0.0.12:8081",
        ]
        #expect(try settings(["--data", "d"], links).port == 8080)
    }

    @Test(
        "rejects what only resembles such a variable",
        arguments: [
            ("MARTLET_CACHE_PORT", "80"), ("MARTLET_PORT_80", "80"), ("MARTLET_PORT_X_TCP", "x"),
            ("MARTLET_PORT_80_TCP_NAME", "x"), ("MARTLET_SERVICE", "x"), ("MARTLET_HOST", "tcp://10.0.0.11:80"),
        ]
    )
    func similar(_ name: String, _ value: String) throws {
        let faults = try #require(throws: ConfigFaults.self) { try settings(["--data", "d"], [name: value]) }
        #expect(faults.faults.map(\.key) == [name])
    }

    @Test(
        "reads durations with a unit",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("1.5s", .milliseconds(1_500)), ("1m", .seconds(60)),
        ]
    )
    func durations(text: String, expected: Duration) throws {
        #expect(try settings(["--data", "d", "--pause", text]).pause == expected)
    }
}
