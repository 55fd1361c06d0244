import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletSecurity

@Suite("Secret file")
struct SecretFileTests {
    private static let groups: Set<UInt32> = [20, 2_000]

    @Test(
        "is private for its owner, or of root and readable by a group of the process",
        arguments: [
            (0o600, 1_000, 20, true), (0o400, 0, 0, true), (0o440, 0, 2_000, true), (0o640, 0, 2_000, true),
            (0o440, 0, 3_000, false), (0o440, 1_000, 2_000, false), (0o460, 0, 2_000, false), (0o450, 0, 2_000, false),
            (0o444, 0, 2_000, false), (0o404, 0, 2_000, false), (0o644, 1_000, 20, false),
        ] as [(UInt32, UInt32, UInt32, Bool)]
    )
    func access(_ mode: UInt32, _ owner: UInt32, group: UInt32, isPrivate: Bool) {
        let file = SecretFile.Access(mode: mode, owner: owner, group: group)
        #expect(SecretFile.isPrivate(file, groups: Self.groups) == isPrivate)
    }

    @Test("is read through the links by which Kubernetes replaces all files of a volume at once")
    func links() throws {
        let folder = try TemporaryFolder()
        let files = FileManager.default
        func mount(_ version: String, _ text: String) throws {
            try files.createDirectory(atPath: folder.file(version), withIntermediateDirectories: false)
            try SecretFile.write(text, to: folder.file("\(version)/parcels.token"))
            try files.createSymbolicLink(atPath: folder.file("..data_tmp"), withDestinationPath: version)
            #expect(rename(folder.file("..data_tmp"), folder.file("..data")) == 0)
        }
        try mount("..first", "one\n")
        let path = folder.file("parcels.token")
        try files.createSymbolicLink(atPath: path, withDestinationPath: "..data/parcels.token")
        let time = ManualTime()
        let file = TokenFile(path: path, every: .seconds(5), time: time)
        #expect(try file.token() == "one")
        try mount("..second", "two\n")
        time.advance(by: .seconds(5))
        #expect(try file.token() == "two")
    }
}
