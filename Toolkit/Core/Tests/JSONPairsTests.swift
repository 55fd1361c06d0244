import Testing

@testable import MartletCore

@Suite("Escaped pairs of surrogates")
struct JSONPairsTests {
    private func escaped(_ scalar: Unicode.Scalar) -> String {
        UTF16.width(scalar) == 1
            ? "\\u" + UInt16(scalar.value).hexadecimal
            : "\\u\(UTF16.leadSurrogate(scalar).hexadecimal)\\u\(UTF16.trailSurrogate(scalar).hexadecimal.uppercased())"
    }

    @Test("a character of any plane beyond the first is written as it is", arguments: 1...16 as ClosedRange<UInt32>)
    func planes(_ plane: UInt32) throws {
        for offset in [0, 1, 0x0BB7, 0x8000, 0xFFFF] as [UInt32] {
            let scalar = try #require(Unicode.Scalar(plane << 16 | offset))
            #expect(JSONPairs.joined("{\"a\":\"x\(escaped(scalar))y\"}") == "{\"a\":\"x\(Character(scalar))y\"}")
        }
    }

    @Test(
        "everything else stays as it is, valid or not",
        arguments: [
            "", "{}", #"{"a":"b"}"#, #""\u00e9\n\"\\""#, #""\\ud842\udfb7""#, #""\ud842""#, #""\ud842\u0041""#,
            #""\udfb7\ud842""#, #""\ud842x\udfb7""#, #""\ud84"#, #""\"#, #""\ud842\udfb"#, #""𠮷""#,
        ]
    )
    func others(_ json: String) {
        #expect(JSONPairs.joined(json) == json)
    }

    @Test("bytes that are not UTF-8 stay as they are")
    func invalid() {
        let bytes: [UInt8] = [0x22, 0x5C, 0x75, 0xFF, 0xD8, 0x22]
        #expect(JSONPairs.joined(bytes) == bytes)
    }
}
