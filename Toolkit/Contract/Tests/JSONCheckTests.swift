import MartletContract
import MartletCore
import SwiftProtobuf
import Testing

@Suite("JSON against a shape")
struct JSONCheckTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let json: String
        let field: String
        let rule: String

        init(_ json: String, _ field: String, _ rule: String) {
            self.json = json
            self.field = field
            self.rule = rule
        }

        var testDescription: String { "\(field) \(rule)" }
    }

    static let invalid = [
        Bad(#"[]"#, "body", "must be an object"),
        Bad(#"7"#, "body", "must be an object"),
        Bad(#"{"colour":1}"#, "colour", "is no field of martlet.testing.v1.Parcel"),
        Bad(#"{"parcelId":"a"}"#, "parcelId", "is no field of martlet.testing.v1.Parcel"),
        Bad(#"{"items":[{"name":"a","size":1}]}"#, "items[0].size", "is no field of martlet.testing.v1.Item"),
        Bad(#"{"shelf":"a","shelf":"b"}"#, "shelf", "is given twice"),
        Bad(#"{"person":"a","machine":{}}"#, "machine", "is given beside person"),
        Bad(#"{"shelf":1}"#, "shelf", "must be a string"),
        Bad(#"{"shelf":true}"#, "shelf", "must be a string"),
        Bad(#"{"shelf":{}}"#, "shelf", "must be a string"),
        Bad(#"{"shelf":"a\u0000"}"#, "shelf", "must not hold the character U+0000"),
        Bad(#"{"items":{}}"#, "items", "must be a list"),
        Bad(#"{"items":[null]}"#, "items[0]", "must not be null"),
        Bad(#"{"items":["a"]}"#, "items[0]", "must be an object"),
        Bad(#"{"items":[{},{"quantity":"3"}]}"#, "items[1].quantity", "must be a whole number"),
        Bad(#"{"items":[{"quantity":1.5}]}"#, "items[0].quantity", "must be a whole number"),
        Bad(#"{"items":[{"quantity":1e2}]}"#, "items[0].quantity", "must be a whole number"),
        Bad(#"{"items":[{"quantity":-1}]}"#, "items[0].quantity", "must be 1 to 1000"),
        Bad(#"{"items":[{"quantity":4294967296}]}"#, "items[0].quantity", "must be 1 to 1000"),
        Bad(#"{"shift":2147483648}"#, "shift", "must be -2147483648 to 2147483647"),
        Bad(#"{"number":-1}"#, "number", "must be 0 to 18446744073709551615"),
        Bad(#"{"number":18446744073709551616}"#, "number", "must be 0 to 18446744073709551615"),
        Bad(#"{"worth":"9223372036854775808"}"#, "worth", "must be -5 to 9000000000"),
        Bad(#"{"worth":"09"}"#, "worth", "must be a whole number"),
        Bad(#"{"worth":"12a"}"#, "worth", "must be a whole number"),
        Bad(#"{"weight":"1"}"#, "weight", "must be a number"),
        Bad(#"{"weight":1e999}"#, "weight", "must be a number that 64 bits can hold"),
        Bad(#"{"fragile":1}"#, "fragile", "must be true or false"),
        Bad(#"{"fragile":"true"}"#, "fragile", "must be true or false"),
        Bad(#"{"size":"SIZE_HUGE"}"#, "size", "must be one of SIZE_SMALL, SIZE_LARGE"),
        Bad(#"{"size":1}"#, "size", "must be one of SIZE_SMALL, SIZE_LARGE"),
        Bad(#"{"size":"SIZE_UNSPECIFIED"}"#, "size", "must be one of SIZE_SMALL, SIZE_LARGE"),
        Bad(#"{"seal":"a"}"#, "seal", "must be a string in base64"),
        Bad(#"{"seal":"ab=c"}"#, "seal", "must be a string in base64"),
        Bad(#"{"due":"2026-02-29T00:00:00Z"}"#, "due", "must be a time, as in 2026-01-31T23:59:59Z"),
        Bad(#"{"due":"2026-01-01 00:00:00Z"}"#, "due", "must be a time, as in 2026-01-31T23:59:59Z"),
        Bad(#"{"due":"2026-01-01T24:00:00Z"}"#, "due", "must be a time, as in 2026-01-31T23:59:59Z"),
        Bad(#"{"due":1767225600}"#, "due", "must be a time, as in 2026-01-31T23:59:59Z"),
    ]

    @Test("names what the message cannot hold", arguments: invalid)
    func refuses(_ bad: Bad) throws {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(bad.json.utf8), against: Parcel.shape) }
        #expect(fault?.reason == .invalidRequest)
        #expect(fault?.violations == [FieldViolation(field: bad.field, rule: bad.rule)])
    }

    static let malformed = [
        Bad("", "body", "is not JSON at line 1, column 1: expected a value"),
        Bad("{", "body", "is not JSON at line 1, column 2: expected a value"),
        Bad("{\n  \"shelf\": \"a\",\n}", "body", "is not JSON at line 3, column 1: expected a value"),
        Bad(#"{"shelf" 1}"#, "body", "is not JSON at line 1, column 10: expected ':'"),
        Bad(
            #"{"items":[{"name":tru}]}"#,
            "items[0].name",
            "is not JSON at line 1, column 19: expected true, false or null"
        ),
        Bad(#"{"items":[{} {}]}"#, "items", "is not JSON at line 1, column 14: expected ',' or ']'"),
        Bad(#"{"shelf":"a"#, "shelf", "is not JSON at line 1, column 12: expected the end of a string"),
        Bad(#"{"shelf":"\x"}"#, "shelf", "is not JSON at line 1, column 12: expected an escape"),
        Bad(#"{"shelf":"\ud800"}"#, "shelf", "is not JSON at line 1, column 17: expected a pair of surrogates"),
        Bad(
            "{\"shelf\":\"a\nb\"}",
            "shelf",
            "is not JSON at line 1, column 12: expected no bare control character in a string"
        ),
        Bad(#"{"shift":01}"#, "shift", "is not JSON at line 1, column 11: expected a number without a leading zero"),
        Bad(#"{"shift":-}"#, "shift", "is not JSON at line 1, column 11: expected a digit"),
        Bad(#"{"shift":1.}"#, "shift", "is not JSON at line 1, column 12: expected a digit"),
        Bad(#"{} {}"#, "body", "is not JSON at line 1, column 4: expected the end"),
        Bad(#"{"shelf":"a"} x"#, "body", "is not JSON at line 1, column 15: expected the end"),
    ]

    @Test("says where JSON is malformed", arguments: malformed)
    func locates(_ bad: Bad) throws {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(bad.json.utf8), against: Parcel.shape) }
        #expect(fault?.reason == .malformedRequest)
        #expect(fault?.violations == [FieldViolation(field: bad.field, rule: bad.rule)])
    }

    @Test("refuses bytes that are not UTF-8")
    func encoding() {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check([0x7B, 0xFF, 0x7D], against: Parcel.shape) }
        #expect(fault?.violations == [FieldViolation(field: "body", rule: "is not UTF-8")])
    }

    @Test("refuses nesting over the limit, known fields or not", arguments: ["inner", "unknown"])
    func depth(_ name: String) throws {
        func nested(_ levels: Int) -> [UInt8] {
            let opening = String(repeating: "{\"\(name)\":[", count: levels / 2)
            return Array((opening + String(repeating: "]}", count: levels / 2)).utf8)
        }
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(nested(34), against: Item.shape) }
        #expect(fault?.violations.last?.rule == "is nested deeper than 32 levels")
        if name == "inner" { try JSONCheck.check(nested(32), against: Item.shape) }
    }

    @Test("does not trap on a hundred thousand open braces")
    func bomb() {
        let bytes = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: Fault.self) { try JSONCheck.check(bytes, against: Parcel.shape) }
    }

    @Test("names several fields at once, up to the limit")
    func several() throws {
        let json = "{" + (0..<30).map { "\"f\($0)\":\($0)" }.joined(separator: ",") + "}"
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(json.utf8), against: Parcel.shape) }
        #expect(fault?.violations.count == RuleCheck.violationsLimit)
    }

    static let good = [
        #"{}"#,
        " {\t\"shelf\" : \"a\\n\\u00e9\\ud83d\\ude00\" ,\r\n \"items\":[ ] } ",
        #"{"worth":-5,"number":18446744073709551615,"shift":-2147483648,"weight":1.5e-3,"fragile":false}"#,
        #"{"worth":"9000000000","seal":"AQID","size":"SIZE_LARGE","sizes":["SIZE_SMALL"],"labels":["a","b"]}"#,
        #"{"due":"2024-02-29T23:59:59.123456789+01:00","note":null,"machine":{"name":"m","quantity":1}}"#,
    ]

    @Test("accepts what the decoder then reads", arguments: good)
    func accepts(_ json: String) throws {
        try JSONCheck.check(Array(json.utf8), against: Parcel.shape)
        _ = try Parcel(jsonUTF8Bytes: Array(json.utf8))
    }

    @Test("accepts nothing that the decoder refuses, whatever is done to the bytes", arguments: 0..<20 as Range<UInt64>)
    func mutations(_ seed: UInt64) throws {
        var random = Scramble(state: seed)
        for _ in 0..<500 {
            var bytes = Array(Self.good[random.below(Self.good.count)].utf8)
            for _ in 0...random.below(3) {
                let place = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array("{}[]\",:0e-.tn\\".utf8)[random.below(14)], at: place)
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            let accepted: Bool
            do {
                try JSONCheck.check(bytes, against: Parcel.shape)
                accepted = true
            } catch is Fault {
                accepted = false
            }
            if accepted {
                #expect(throws: Never.self, "\(String(decoding: bytes, as: UTF8.self))") {
                    _ = try Parcel(jsonUTF8Bytes: bytes)
                }
            }
        }
    }
}

/// A small generator (SplitMix64), so that a seed repeats a run.
struct Scramble {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
