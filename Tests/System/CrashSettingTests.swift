import BuiltPrograms
import Foundation
import Testing

@Suite("A crash point that is none", .enabled(if: Programs.areBuilt))
struct CrashSettingTests {
    static let programs = HooksTests.daemons + ["shop"]

    @Test("ends every daemon at its start, as a wrong use", arguments: programs)
    func daemons(_ program: String) throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        var flags = ["--registry", "\(folder)/registry.json", "--keys", "\(folder)/keys"]
        if program != "gatewayd" { flags += ["--data", folder] }
        for (crash, name) in [("sql.committed:0", "sql.committed:0"), ("mugs.broken:1", "mugs.broken"), ("", "NAME:N")]
        {
            let ended = try Program(built: program).run(flags, environment: ["MARTLET_CRASH": crash])
            #expect(ended.status == 64)
            #expect(ended.words.contains("MARTLET_CRASH") && ended.words.contains(name), "\(ended.words)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder), "it ends before it makes anything")
    }

    @Test("ends `martlet up` before it starts anything, by flag and by variable")
    func up() throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        let byFlag = try Programs.martlet.run(["up", "--data", folder, "--crash", "ordersd=sql.committed:0"])
        #expect(byFlag.status == 64)
        let byVariable = try Programs.martlet.run(["up", "--data", folder], environment: ["MARTLET_CRASH": "mugs:1"])
        #expect(byVariable.status == 64)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
