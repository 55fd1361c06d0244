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
