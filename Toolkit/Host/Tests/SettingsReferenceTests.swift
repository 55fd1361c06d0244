import Foundation
import MartletConfig
import Testing

@testable import MartletHost

@Suite("Reference of settings")
struct SettingsReferenceTests {
    @Test("Operating.md has what a service reads; Scripts/settings writes it")
    func service() throws {
        let help = try #require(throws: HelpRequested.self) {
            try Daemon.settings("ordersd", arguments: ["--help=markdown"], environment: [:], crashPoints: []) {
                reader in
                DaemonSettings(&reader)
            }
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let guide = try String(contentsOf: root.appending(path: "Docs/Guides/Operating.md"), encoding: .utf8)
        let table = try #require(guide.components(separatedBy: "<!-- settings of ordersd -->\n\n").last)
        #expect(table.components(separatedBy: "\n\n<!-- end of settings -->").first == help.text)
    }
}
