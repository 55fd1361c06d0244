import Testing

@testable import MartletCore

@Suite("JSON object with unique names")
struct JSONScannerTests {
    @Test("is accepted", arguments: ["{}", #" {"a":1,"b":[1,{"a":2}],"c":{"a":null}} "#, #"{"é":1,"e\u0301":2}"#])
    func accepted(_ json: String) {
        #expect(throws: Never.self) { try JSONScanner.checkObject(Array(json.utf8)) }
    }

    @Test(
        "a name given twice, another value, bytes behind it and broken JSON are refused",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"b":{"a":1,"a":2}}"#, #"{"b":[{"a":1,"a":2}]}"#, "[]", "1",
            "",
            "{} {}", "{}x", "{}\u{0}", "\u{FEFF}{}", #"{"a":1"#, #"{"a":}"#, #"{'a':1}"#, #"{"a":01}"#,
        ]
    )
    func refused(_ json: String) {
        #expect(throws: JSONScanner.Malformed.self) { try JSONScanner.checkObject(Array(json.utf8)) }
    }

    @Test("the nesting is accepted at the limit and refused one level deeper")
    func depth() {
        func nested(_ levels: Int) -> [UInt8] {
            let lists = String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1)
            return Array("{\"a\":\(lists)}".utf8)
        }
        #expect(throws: Never.self) { try JSONScanner.checkObject(nested(JSONScanner.depthLimit)) }
        #expect(throws: JSONScanner.Malformed.self) { try JSONScanner.checkObject(nested(JSONScanner.depthLimit + 1)) }
        #expect(throws: JSONScanner.Malformed.self) { try JSONScanner.checkObject(nested(100_000)) }
    }

    @Test("bytes that are not UTF-8 are refused")
    func encoding() {
        #expect(throws: JSONScanner.Malformed.self) {
            try JSONScanner.checkObject([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D])
        }
    }
}
