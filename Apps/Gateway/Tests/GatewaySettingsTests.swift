import Foundation
import MartletConfig
import MartletHost
import Testing

@testable import Gateway

@Suite("Settings of the gateway")
struct GatewaySettingsTests {
    @Test("Operating.md has what the gateway reads; Scripts/settings writes it")
    func reference() throws {
        let help = try #require(throws: HelpRequested.self) {
            try Config.read(program: "gatewayd", arguments: ["--help=markdown"], environment: [:]) { reader in
                GatewayProgram.Settings(&reader)
            }
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let guide = try String(contentsOf: root.appending(path: "Docs/Guides/Operating.md"), encoding: .utf8)
        let table = try #require(guide.components(separatedBy: "<!-- settings of gatewayd -->\n\n").last)
        #expect(table.components(separatedBy: "\n\n<!-- end of settings -->").first == help.text)
    }

    @Test("the public API and health have addresses of their own")
    func listeners() throws {
        let arguments = ["--registry", "r", "--keys", "k", "--host", "0.0.0.0", "--health-host", "10.0.0.1"]
        let settings = try Config.read(program: "gatewayd", arguments: arguments, environment: [:]) { reader in
            GatewayProgram.Settings(&reader)
        }
        #expect(settings.http.host == "0.0.0.0" && settings.http.port == 8_080)
        #expect(settings.health.host == "10.0.0.1" && settings.health.port == 0)
    }
}
