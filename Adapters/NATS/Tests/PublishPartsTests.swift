import MartletCore
import MartletMessaging
import Testing

@testable import MartletNATS

@Suite("The parts of a publication on NATS")
struct PublishPartsTests {
    @Test(
        "each has a key once, and all together keep the order",
        arguments: [("", []), ("a", [0..<1]), ("abc", [0..<3]), ("aab", [0..<1, 1..<3]), ("abab", [0..<2, 2..<4])]
    )
    func keys(_ keys: String, _ parts: [Range<Int>]) {
        let events = keys.enumerated().map { numbered(Int64($0.offset), of: "\($0.element)", on: "t") }
        #expect(PublishParts.parts(of: events) == parts)
    }

    @Test("equal keys of two topics are two keys")
    func topics() {
        #expect(PublishParts.parts(of: [numbered(1, on: "t"), numbered(1, on: "u")]) == [0..<2])
    }
}
