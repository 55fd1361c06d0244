import Foundation
import MartletTesting
import Testing

@testable import CLI

@Suite("A program of the system")
struct SystemProgramTests {
    let checkout: TemporaryFolder

    init() throws { checkout = try TemporaryFolder() }

    private func folder(_ path: String) throws -> String {
        let folder = "\(checkout.path)/\(path)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private func create(_ path: String, permissions: Int) {
        let created = FileManager.default.createFile(
            atPath: path,
            contents: Data(),
            attributes: [.posixPermissions: permissions]
        )
        #expect(created)
    }

    @Test("beside the program: runs")
    func built() throws {
        for path in ["bin", ".build/x86_64-unknown-linux-gnu/release"] {
            let folder = try folder(path)
            create("\(checkout.path)/Package.swift", permissions: 0o644)
            create("\(folder)/mill-scales", permissions: 0o755)
            #expect(SystemProgram("mill-scales", in: folder) == .built(path: "\(folder)/mill-scales"))
        }
    }

    @Test(
        "missing in the build folder of a checkout: is built in the same configuration",
        arguments: ["release", "debug"]
    )
    func buildable(configuration: String) throws {
        let folder = try folder(".build/x86_64-unknown-linux-gnu/\(configuration)")
        create("\(checkout.path)/Package.swift", permissions: 0o644)
        guard case .buildable(let path, let build) = SystemProgram("mill-scales", in: folder) else {
            Issue.record("not buildable")
            return
        }
        #expect(path == "\(folder)/mill-scales")
        let expected = "swift build --package-path \(checkout.path) -c \(configuration) --product mill-scales"
        #expect(build.joined(separator: " ") == expected)
    }

    @Test(
        "missing elsewhere: is not built",
        arguments: [
            "bin", ".build/x86_64-unknown-linux-gnu/release", ".build/x86_64-unknown-linux-gnu/other", "a/b/release",
        ]
    )
    func missing(path: String) throws {
        let folder = try folder(path)
        if path.hasSuffix("other") { create("\(checkout.path)/Package.swift", permissions: 0o644) }
        #expect(SystemProgram("mill-scales", in: folder) == .missing(path: "\(folder)/mill-scales"))
    }
}
