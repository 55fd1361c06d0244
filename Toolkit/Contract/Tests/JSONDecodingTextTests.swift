import MartletContract
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Refusals of the JSON decoder")
struct JSONDecodingTextTests {
    struct Other: Error {}

    @Test(
        "state what is wrong",
        arguments: [
            (#"{"number":-0}"#, "has a number that is not written as one"),
            (#"{"shift":2147483648}"#, "has a number that does not fit its field"),
            (
                #"{"due":"2026-13-01T00:00:00Z"}"#,
                "has a time that does not exist, or is not between the years 1 and 9999"
            ),
            (#"{"size":"SIZE_HUGE"}"#, "has a name that is not a value of its field"),
            (#"{"colour":1}"#, "has colour, which is not a field"), ("{", "is not JSON"),
        ]
    )
    func text(json: String, rule: String) {
        #expect(throws: (any Error).self) {
            do { _ = try Parcel(jsonUTF8Bytes: Array(json.utf8)) } catch {
                #expect(JSONDecodingText.rule(error) == rule)
                throw error
            }
        }
    }

    @Test("are the decoder's own: another error has none")
    func other() {
        #expect(JSONDecodingText.rule(Other()) == nil)
    }
}
