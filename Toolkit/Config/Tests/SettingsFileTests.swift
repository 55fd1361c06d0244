import Foundation
import Testing

@testable import MartletConfig

@Suite("File of settings")
struct SettingsFileTests {
    private struct Read: Equatable {
        let port: Int
        let word: String

        init(_ port: Int, _ word: String) {
            self.port = port
            self.word = word
        }
    }

    /// Reads a port and a word, with `lines` in the file of settings.
    private func read(
        _ lines: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Read {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "settings-\(ProcessInfo.processInfo.globallyUniqueString)"
        ).path
        try Data(lines.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            return try Config.read(
                program: "testd",
                arguments: ["--settings", path] + arguments,
                environment: environment
            ) { reader in
                Read(
                    reader.port("http-port", 8080, help: "Where REST is served."),
                    reader.string("word", "none", help: "A word.")
                )
            }
        } catch let faults as ConfigFaults {
            throw ConfigFaults(
                faults: faults.faults.map { fault in
                    ConfigFaults.Fault(
                        key: fault.key.replacingOccurrences(of: path, with: "FILE"),
                        message: fault.message,
                        isInFile: fault.isInFile
                    )
                }
            )
        }
    }

    @Test("is read after flags and variables, before defaults")
    func order() throws {
        let lines = "# Ports\n\n  http-port = 81  \nword=a = b\r\n"
        #expect(try read(lines) == Read(81, "a = b"))
        #expect(try read(lines, ["--http-port", "82"]) == Read(82, "a = b"))
        #expect(try read(lines, ["--http-port", "82"], environment: ["MARTLET_WORD": "c"]) == Read(82, "c"))
        #expect(try read("") == Read(8080, "none"))
    }

    @Test("reports every fault by its line, together with those of flags and variables")
    func faults() throws {
        let error = try #require(throws: ConfigFaults.self) {
            try read(
                "http-port = many\nwrod = a\nword\nword = a\nword = b\n",
                ["--htp-port", "1"],
                environment: ["MARTLET_WRD": "a"]
            )
        }
        #expect(
            error.faults.map { "\($0)" } == [
                "FILE:3: is not a setting; settings look like http-port = 8081",
                "FILE:5: word is given twice",
                "FILE:1: http-port: 'many' must be a whole number from 0 to 65535",
                "--htp-port: is not a flag of testd; the nearest is --http-port",
                "MARTLET_WRD: is not a variable of testd; the nearest is MARTLET_WORD",
                "FILE:2: wrod is not a setting of testd; the nearest is word",
            ]
        )
        #expect(error.faults.map(\.isInFile) == [true, true, true, false, false, true])
    }

    @Test("that is missing, or longer than its limit, is a fault")
    func unreadable() throws {
        let missing = try #require(throws: ConfigFaults.self) {
            try Config.read(program: "testd", arguments: [], environment: ["MARTLET_SETTINGS": "/nowhere/f"]) { _ in }
        }
        #expect(missing.faults.map(\.description) == ["/nowhere/f: cannot be read"])
        let line = "word = a\n"
        let filled = line + String(repeating: "#", count: SettingsFile.bytesLimit - line.utf8.count)
        #expect(try read(filled).word == "a")
        let long = try #require(throws: ConfigFaults.self) { try read(filled + "#") }
        #expect(long.faults.map(\.description) == ["FILE: is not a text of at most 1048576 bytes"])
    }
}

@Suite("Nearest name")
struct NearestNameTests {
    @Test(
        "of a name with few wrong characters",
        arguments: [
            ("dta", "data"), ("dataa", "data"), ("http-prot", "http-port"), ("dtaa", "data"), ("portal", nil),
            ("x", "a"), ("", nil),
        ] as [(String, String?)]
    )
    func near(_ name: String, _ expected: String?) {
        let names = name == "x" ? ["a"] : ["data", "http-port", "host"]
        #expect(NearestName.of(name, among: names) == expected)
    }
}

@Suite("Scope of settings")
struct ScopeTests {
    @Test("is the beginning of each name, in flags, variables and faults")
    func names() throws {
        func read(_ arguments: [String], _ environment: [String: String] = [:]) throws -> [Int] {
            try Config.read(program: "testd", arguments: arguments, environment: environment) { reader in
                let own = reader.int("days", 1, in: 1...9, help: "Of the program.")
                return [own, reader.scoped("links") { $0.int("days", 2, in: 1...9, help: "Of links.") }]
            }
        }
        #expect(try read([]) == [1, 2])
        #expect(try read(["--days", "3", "--links-days", "4"]) == [3, 4])
        #expect(try read([], ["MARTLET_LINKS_DAYS": "5"]) == [1, 5])
        let faults = try #require(throws: ConfigFaults.self) { try read(["--links-days", "10"]) }
        #expect(faults.faults.map(\.key) == ["--links-days"])
    }
}
