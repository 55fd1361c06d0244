import Foundation
import MartletSecurity
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletHost

@Suite("Secret")
struct SecretSourceTests {
    private struct Refused: Error {
        let key: SecretSource
        let value: Redacted<String>
    }

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ text: String, mode: Int = 0o600) throws -> String {
        let path = folder.file("key")
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    @Test("is the text of its file without line ends at the end")
    func value() throws {
        #expect(try SecretSource(path: write("sk 1\n\r\n")).value.exposed == "sk 1")
        #expect(SecretSource("sk 2").value.exposed == "sk 2")
    }

    @Test("is read again when the file has changed, and kept while it cannot be read")
    func changes() throws {
        let source = try SecretSource(path: write("first"))
        var seen = [source.value.exposed]
        _ = try write("the second")
        seen.append(source.value.exposed)
        _ = try write("")
        seen.append(source.value.exposed)
        try FileManager.default.removeItem(atPath: folder.file("key"))
        seen.append(source.value.exposed)
        _ = try write("the third one")
        seen.append(source.value.exposed)
        #expect(seen == ["first", "the second", "the second", "the second", "the third one"])
    }

    @Test("is read again when others may not read its file any more, which is no change of the file")
    func permissions() throws {
        let source = try SecretSource(path: write("first"))
        let path = try write("the second", mode: 0o644)
        #expect(source.value.exposed == "first")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(source.value.exposed == "the second")
    }

    @Test("of a file that is missing, empty or open to others is refused, without its text")
    func refused() throws {
        #expect(throws: SecretFile.Unreadable.self) { try SecretSource(path: folder.file("none")) }
        #expect(throws: SecretFile.Unreadable.self) { try SecretSource(path: write("\n")) }
        let path = try write("sk-visible", mode: 0o604)
        let error = try #require(throws: SecretFile.Unreadable.self) { try SecretSource(path: path) }
        #expect(!"\(error)".contains("sk-visible"))
    }

    @Test("is never shown: printed, dumped, reflected, or in an error")
    func redacted() throws {
        let source = SecretSource("sk-visible")
        let error = Refused(key: source, value: source.value)
        var dumped = ""
        dump(error, to: &dumped)
        dump(source, to: &dumped)
        let texts = [
            "\(source)", "\(source.value)", String(reflecting: source), "\(error)", String(reflecting: error), dumped,
            "\(error as NSError)", error.localizedDescription, "\([source])", "\(Optional(source) as Any)",
        ]
        for text in texts { #expect(!text.contains("visible")) }
        #expect(Mirror(reflecting: source).children.isEmpty)
        #expect(Mirror(reflecting: source.value).children.isEmpty)
    }
}
