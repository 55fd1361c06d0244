import MartletContract
import MartletCore
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("JSON check")
struct JSONCheckTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: String
        let field: String
        let rule: String

        init(_ json: String, _ field: String, rule: String) {
            self.json = json
            self.field = field
            self.rule = rule
        }

        var testDescription: String { "\(field) \(rule)" }
    }

    static let invalid = [
        Case(#"[]"#, "body", rule: "must be an object"),
        Case(#"7"#, "body", rule: "must be an object"),
        Case(#"{"colour":1}"#, "colour", rule: "is not a field of martlet.testing.v1.Parcel"),
        Case(#"{"parcelId":"a"}"#, "parcelId", rule: "is not a field of martlet.testing.v1.Parcel"),
        Case(#"{"items":[{"name":"a","size":1}]}"#, "items[0].size", rule: "is not a field of martlet.testing.v1.Item"),
        Case(#"{"shelf":"a","shelf":"b"}"#, "shelf", rule: "is given twice"),
        Case(#"{"person":"a","machine":{}}"#, "machine", rule: "is set together with person"),
        Case(#"{"shelf":1}"#, "shelf", rule: "must be a string"),
        Case(#"{"shelf":true}"#, "shelf", rule: "must be a string"),
        Case(#"{"shelf":{}}"#, "shelf", rule: "must be a string"),
        Case(#"{"shelf":"a\u0000"}"#, "shelf", rule: "must not contain the character U+0000"),
        Case(#"{"items":{}}"#, "items", rule: "must be a list"),
        Case(#"{"items":[null]}"#, "items[0]", rule: "must not be null"),
        Case(#"{"items":["a"]}"#, "items[0]", rule: "must be an object"),
        Case(#"{"items":[{},{"quantity":"3"}]}"#, "items[1].quantity", rule: "must be a whole number"),
        Case(#"{"items":[{"quantity":1.5}]}"#, "items[0].quantity", rule: "must be a whole number"),
        Case(#"{"items":[{"quantity":1e-2}]}"#, "items[0].quantity", rule: "must be a whole number"),
        Case(#"{"items":[{"quantity":1.00000000000000000001}]}"#, "items[0].quantity", rule: "must be a whole number"),
        Case(#"{"items":[{"quantity":4294967296.0}]}"#, "items[0].quantity", rule: "must be 1 to 1000"),
        Case(#"{"items":[{"quantity":1e999999999999999999999}]}"#, "items[0].quantity", rule: "must be 1 to 1000"),
        Case(#"{"number":-0}"#, "number", rule: "must be 0 to 18446744073709551615"),
        Case(#"{"number":-0.0}"#, "number", rule: "must be 0 to 18446744073709551615"),
        Case(#"{"number":"-0"}"#, "number", rule: "must be 0 to 18446744073709551615"),
        Case(#"{"number":"1.0"}"#, "number", rule: "must be a whole number"),
        Case(#"{"number":9007199254740993.0}"#, "number", rule: "must be written without a fraction and an exponent"),
        Case(#"{"items":[{"quantity":-1}]}"#, "items[0].quantity", rule: "must be 1 to 1000"),
        Case(#"{"items":[{"quantity":4294967296}]}"#, "items[0].quantity", rule: "must be 1 to 1000"),
        Case(#"{"shift":2147483648}"#, "shift", rule: "must be -2147483648 to 2147483647"),
        Case(#"{"number":-1}"#, "number", rule: "must be 0 to 18446744073709551615"),
        Case(#"{"number":18446744073709551616}"#, "number", rule: "must be 0 to 18446744073709551615"),
        Case(#"{"worth":"9223372036854775808"}"#, "worth", rule: "must be -5 to 9000000000"),
        Case(#"{"worth":"09"}"#, "worth", rule: "must be a whole number"),
        Case(#"{"worth":"12a"}"#, "worth", rule: "must be a whole number"),
        Case(#"{"weight":"1"}"#, "weight", rule: "must be a number"),
        Case(#"{"weight":1e999}"#, "weight", rule: "must be a number that fits in 64 bits"),
        Case(#"{"fragile":1}"#, "fragile", rule: "must be true or false"),
        Case(#"{"fragile":"true"}"#, "fragile", rule: "must be true or false"),
        Case(#"{"size":"SIZE_HUGE"}"#, "size", rule: "must be one of SIZE_SMALL, SIZE_LARGE"),
        Case(#"{"size":1}"#, "size", rule: "must be one of SIZE_SMALL, SIZE_LARGE"),
        Case(#"{"size":"SIZE_UNSPECIFIED"}"#, "size", rule: "must be one of SIZE_SMALL, SIZE_LARGE"),
        Case(#"{"seal":"a"}"#, "seal", rule: "must be a string in base64"),
        Case(#"{"seal":"ab=c"}"#, "seal", rule: "must be a string in base64"),
        Case(#"{"due":"2026-02-29T00:00:00Z"}"#, "due", rule: "must be a time, as in 2026-01-31T23:59:59Z"),
        Case(#"{"due":"2026-01-01 00:00:00Z"}"#, "due", rule: "must be a time, as in 2026-01-31T23:59:59Z"),
        Case(#"{"due":"2026-01-01T24:00:00Z"}"#, "due", rule: "must be a time, as in 2026-01-31T23:59:59Z"),
        Case(#"{"due":1767225600}"#, "due", rule: "must be a time, as in 2026-01-31T23:59:59Z"),
    ]

    @Test("refuses values that do not match the shape", arguments: invalid)
    func refuses(_ example: Case) throws {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(example.json.utf8), against: Parcel.shape) }
        #expect(fault?.reason == .invalidRequest)
        #expect(fault?.violations == [FieldViolation(field: example.field, rule: example.rule)])
    }

    static let malformed = [
        Case("", "body", rule: "is not JSON at line 1, column 1: expected a value"),
        Case("{", "body", rule: "is not JSON at line 1, column 2: expected a value"),
        Case("{\n  \"shelf\": \"a\",\n}", "body", rule: "is not JSON at line 3, column 1: expected a value"),
        Case(#"{"shelf" 1}"#, "body", rule: "is not JSON at line 1, column 10: expected ':'"),
        Case(
            #"{"items":[{"name":tru}]}"#,
            "items[0].name",
            rule: "is not JSON at line 1, column 19: expected true, false or null"
        ),
        Case(#"{"items":[{} {}]}"#, "items", rule: "is not JSON at line 1, column 14: expected ',' or ']'"),
        Case(#"{"shelf":"a"#, "shelf", rule: "is not JSON at line 1, column 12: expected the end of a string"),
        Case(#"{"shelf":"\x"}"#, "shelf", rule: "is not JSON at line 1, column 12: expected an escape"),
        Case(#"{"shelf":"\ud800"}"#, "shelf", rule: "is not JSON at line 1, column 17: expected a pair of surrogates"),
        Case(
            "{\"shelf\":\"a\nb\"}",
            "shelf",
            rule: "is not JSON at line 1, column 12: expected no bare control character in a string"
        ),
        Case(
            #"{"shift":01}"#,
            "shift",
            rule: "is not JSON at line 1, column 11: expected a number without a leading zero"
        ),
        Case(#"{"shift":-}"#, "shift", rule: "is not JSON at line 1, column 11: expected a digit"),
        Case(#"{"shift":1.}"#, "shift", rule: "is not JSON at line 1, column 12: expected a digit"),
        Case(#"{} {}"#, "body", rule: "is not JSON at line 1, column 4: expected the end"),
        Case(#"{"shelf":"a"} x"#, "body", rule: "is not JSON at line 1, column 15: expected the end"),
    ]

    @Test("reports line and column of malformed JSON", arguments: malformed)
    func locates(_ example: Case) throws {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(example.json.utf8), against: Parcel.shape) }
        #expect(fault?.reason == .malformedRequest)
        #expect(fault?.violations == [FieldViolation(field: example.field, rule: example.rule)])
    }

    @Test("refuses bytes that are not UTF-8")
    func encoding() {
        let fault = #expect(throws: Fault.self) { try JSONCheck.check([0x7B, 0xFF, 0x7D], against: Parcel.shape) }
        #expect(fault?.violations == [FieldViolation(field: "body", rule: "is not UTF-8")])
    }

    @Test("refuses nesting over the limit, in known and unknown fields", arguments: ["inner", "unknown"])
    func depth(_ name: String) throws {
        func nested(_ levels: Int) -> [UInt8] {
            let opening = String(repeating: "{\"\(name)\":[", count: levels / 2)
            return Array((opening + String(repeating: "]}", count: levels / 2)).utf8)
        }
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(nested(34), against: Item.shape) }
        #expect(fault?.violations.last?.rule == "is nested deeper than 32 levels")
        if name == "inner" { try JSONCheck.check(nested(32), against: Item.shape) }
    }

    @Test("does not trap on 100,000 nested lists")
    func deepNesting() {
        let bytes = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: Fault.self) { try JSONCheck.check(bytes, against: Parcel.shape) }
    }

    @Test("reports several violations, up to the limit")
    func several() throws {
        let json = "{" + (0..<30).map { "\"f\($0)\":\($0)" }.joined(separator: ",") + "}"
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(Array(json.utf8), against: Parcel.shape) }
        #expect(fault?.violations.count == RuleCheck.violationsLimit)
    }

    static let valid = [
        #"{}"#,
        " {\t\"shelf\" : \"a\\n\\u00e9\\ud83d\\ude00\" ,\r\n \"items\":[ ] } ",
        #"{"worth":-5,"number":18446744073709551615,"shift":-2147483648,"weight":1.5e-3,"fragile":false}"#,
        #"{"worth":-5.0,"number":9007199254740992.0,"shift":-0.0,"items":[{"quantity":1e2},{"quantity":1.50E+1}]}"#,
        #"{"shift":-210e-1,"worth":0e9,"number":0.000}"#,
        #"{"worth":"9000000000","seal":"AQID","size":"SIZE_LARGE","sizes":["SIZE_SMALL"],"labels":["a","b"]}"#,
        #"{"due":"2024-02-29T23:59:59.123456789+01:00","note":null,"machine":{"name":"m","quantity":1}}"#,
    ]

    @Test("accepts JSON that the decoder accepts", arguments: valid)
    func accepts(_ json: String) throws {
        try JSONCheck.check(Array(json.utf8), against: Parcel.shape)
        _ = try Parcel(jsonUTF8Bytes: Array(json.utf8))
    }

    @Test(
        "times of any offset are in UTC afterwards, as the decoder reads them",
        arguments: [
            ("2026-01-15T10:00:00+14:00", "2026-01-14T20:00:00Z"),
            ("2026-01-15T10:00:00+13:45", "2026-01-14T20:15:00Z"),
            ("2024-02-28T23:59:59.123456789-23:59", "2024-02-29T23:58:59.123456789Z"),
            ("0001-01-01T14:00:00.5+14:00", "0001-01-01T00:00:00.5Z"),
            ("1969-12-31T23:59:59-00:00", "1969-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ]
    )
    func times(_ text: String, utc: String) throws {
        let before = "{\"due\" : \"\(text)\", \"shelf\":\"2026-01-15T10:00:00+14:00\"}"
        let checked = try JSONCheck.check(Array(before.utf8), against: Parcel.shape)
        #expect(
            String(decoding: checked, as: UTF8.self)
                == "{\"due\" : \"\(utc)\", \"shelf\":\"2026-01-15T10:00:00+14:00\"}"
        )
        let parcel = try Parcel(jsonUTF8Bytes: checked)
        #expect(try Parcel(jsonString: "{\"due\":\"\(utc)\"}").due == parcel.due)
    }

    @Test(
        "a time that is outside the years 1 to 9999 in UTC is refused",
        arguments: ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+00:01", "0000-06-01T00:00:00Z"]
    )
    func years(_ text: String) {
        let json = Array("{\"due\":\"\(text)\"}".utf8)
        let fault = #expect(throws: Fault.self) { try JSONCheck.check(json, against: Parcel.shape) }
        #expect(
            fault?.violations == [FieldViolation(field: "due", rule: "must be a time between the years 1 and 9999")]
        )
    }

    @Test("a whole number with a fraction or an exponent has its value")
    func wholeNumbers() throws {
        let json = #"{"worth":-5.0,"number":9007199254740992.0,"shift":-210e-1,"items":[{"quantity":1e2}]}"#
        try JSONCheck.check(Array(json.utf8), against: Parcel.shape)
        let parcel = try Parcel(jsonUTF8Bytes: Array(json.utf8))
        #expect(parcel.worth == -5)
        #expect(parcel.number == 9_007_199_254_740_992)
        #expect(parcel.shift == -21)
        #expect(parcel.items.map(\.quantity) == [100])
    }

    @Test("random mutations: refuses JSON that the decoder refuses", arguments: 0..<20 as Range<UInt64>)
    func mutations(_ seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        for _ in 0..<500 {
            var bytes = Array(Self.valid[random.below(Self.valid.count)].utf8)
            for _ in 0...random.below(3) {
                let index = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(Array("{}[]\",:0e-.tn\\".utf8)[random.below(14)], at: index)
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            let accepted: [UInt8]?
            do {
                accepted = try JSONCheck.check(bytes, against: Parcel.shape)
            } catch is Fault {
                accepted = nil
            }
            if let accepted {
                #expect(throws: Never.self, "\(String(decoding: bytes, as: UTF8.self))") {
                    _ = try Parcel(jsonUTF8Bytes: accepted)
                }
            }
        }
    }
}

/// A seeded random number generator.
struct SplitMix64 {
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
