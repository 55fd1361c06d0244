import BuiltPrograms
import Foundation
import Testing

@Suite("Invalid crash settings", .enabled(if: Programs.areBuilt))
struct CrashSettingTests {
    static let programs = HooksTests.daemons + ["shop"]

    @Test("a daemon exits with status 64 before it creates files", arguments: programs)
    func daemons(_ program: String) throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        var flags = ["--registry", "\(folder)/registry.json", "--keys", "\(folder)/keys"]
        if program != "gatewayd" { flags += ["--data", folder] }
        for (crash, name) in [("sql.committed:0", "sql.committed:0"), ("mugs.broken:1", "mugs.broken"), ("", "NAME:N")]
        {
            let outcome = try Program(built: program).run(flags, environment: ["MARTLET_CRASH": crash])
            #expect(outcome.status == 64)
            #expect(outcome.text.contains("MARTLET_CRASH") && outcome.text.contains(name), "\(outcome.text)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder), "it exits before it creates files")
    }

    @Test("martlet up exits with status 64, by flag and by variable")
    func up() throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        let byFlag = try Programs.martlet.run(["up", "--data", folder, "--crash", "ordersd=sql.committed:0"])
        #expect(byFlag.status == 64)
        let byVariable = try Programs.martlet.run(["up", "--data", folder], environment: ["MARTLET_CRASH": "mugs:1"])
        #expect(byVariable.status == 64)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
