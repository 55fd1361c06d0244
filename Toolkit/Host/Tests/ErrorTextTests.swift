import Foundation
import Testing

@testable import MartletHost

@Suite("The text of an error")
struct ErrorTextTests {
    private struct Document: Decodable {
        struct Part: Decodable {
            let number: Int
        }

        let name: String
        let parts: [Part]?
    }

    private struct Own: Error, CustomStringConvertible {
        let description = "an error of this package"
    }

    private func thrown(_ body: () throws -> Void) throws -> any Error {
        do { try body() } catch { return error }
        return try #require(nil as (any Error)?, "nothing was thrown")
    }

    @Test(
        "of a decoder names the value and what it must be",
        arguments: [
            ("{x", "is not JSON"), ("{}", "name is missing"), (#"{"name":1}"#, "name must be a text"),
            (#"{"name":null}"#, "name must not be null"), ("[]", "the value must be an object"),
            (#"{"name":"a","parts":{}}"#, "parts must be a list"),
            (#"{"name":"a","parts":[{"number":1},{"number":"2"}]}"#, "parts[1].number must be a whole number"),
        ]
    )
    func decoding(json: String, text: String) throws {
        let error = try thrown { _ = try JSONDecoder().decode(Document.self, from: Data(json.utf8)) }
        #expect(ErrorText.plain(error) == text)
        #expect(ErrorText.isDump(error))
    }

    @Test("of the file system has its reason and its file, and no domain")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let missing = try thrown { _ = try Data(contentsOf: URL(fileURLWithPath: "/nowhere/at/all")) }
        let reading = try thrown {
            let file = try #require(FileHandle(forReadingAtPath: folder))
            defer { try? file.close() }  // Opened only for reading.
            _ = try file.read(upToCount: 1)
        }
        let making = try thrown {
            try FileManager.default.createDirectory(atPath: "/dev/null/folder", withIntermediateDirectories: true)
        }
        #expect(ErrorText.plain(missing) == "/nowhere/at/all: No such file or directory")
        #expect(ErrorText.plain(reading) == "Is a directory")
        #expect(ErrorText.plain(making) == "/dev/null/folder: Not a directory")
        #expect([missing, reading, making].map(ErrorText.isDump) == [true, true, true])
    }

    @Test("of anything else is its description")
    func others() {
        #expect(ErrorText.plain(Own()) == "an error of this package")
        #expect(!ErrorText.isDump(Own()))
        #expect(ErrorText.plain(POSIXError(.ENOSPC)) == "No space left on device")
    }
}
