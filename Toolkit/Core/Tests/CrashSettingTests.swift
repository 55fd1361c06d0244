import Testing

@testable import MartletCore

@Suite("Crash point setting")
struct CrashSettingTests {
    static let known = ["outbox.committed", "sql.committed"]

    @Test(
        "accepts a known name with the number of a hit, 1 by default",
        arguments: [("sql.committed:3", 3), ("sql.committed:1", 1), ("sql.committed", 1)]
    )
    func accepted(_ text: String, _ hit: Int) throws {
        let setting = try CrashSetting(text, known: Self.known)
        #expect(setting.name == "sql.committed")
        #expect(setting.hit == hit)
    }

    @Test(
        "rejects a setting that could never fire, with an error that names it",
        arguments: [
            "sql.committed:0", "sql.committed:-1", "sql.committed:", "sql.committed:two", "sql.committed:1.5",
            "sql.committed:+1", "sql.committed:99999999999999999999", "sql.committed:1:2", "sql.comitted:1", "mugs",
            ":1",
            "SQL.committed", " sql.committed:1", "",
        ]
    )
    func refused(_ text: String) {
        let bad = #expect(throws: CrashSetting.Bad.self) { try CrashSetting(text, known: Self.known) }
        let name = text.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        #expect(bad?.description.contains("'\(text)'") == true || bad?.description.contains("'\(name)'") == true)
    }
}
