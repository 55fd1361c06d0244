import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletSQL

@Suite("Stored JSON as it is read")
struct StoredJSONTextTests {
    /// Read as a list of numbers, and of each of their types.
    private static let numberTexts = [
        "0", "-0", "1", "-1", "00", "01", "-01", "+1", "-", "1.0", "-0.0", "1.5", "1e2", "1E+2", "1e-2", "100e-2", "1e",
        "1.",
        ".5", "1.e1", "0e1", "0e-400", "1e400", "-1e400", "1e-400", "127", "128", "-128", "-129", "255", "256",
        "65535.0",
        "2147483648", "4294967296", "9007199254740993", "9007199254740993.0", "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e18", "1e19",
        "9223372036854775807.0", "123456789012345678", "1234567890123456789", "0.1", "5e-324", "1.7976931348623157e308",
        "1.7976931348623159e308", "3.4028235e38", "3.4028236e38", "1e-45", "1e-46", "16777217", "0.30000000000000004",
        "340282366920938463463374607431768211455", "NaN", "Infinity", "0x10", "1_000", "1 2", "\"1\"", "true", "null",
        "[]",
    ]

    /// Read as texts.
    private static let stringTexts = [
        #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u0041\u00e9\u20AC""#, #""\u0000""#, #""\ud83d\ude00""#,
        #""\uD83D""#,
        #""\ude00\ud83d""#, #""\ud83dx""#, #""\ud83d\u0041""#, #""\u12""#, #""\u12G4""#, #""\x41""#, #""\""#, #"""#,
        "\"\u{1}\"", "\"\n\"", "\"\t\"", "\"\u{7F}\u{80}\u{2028}😀\"", #""\u""#, #""abcdefgh\"ijklmnop""#, "'a'", "\"a",
        "a\"",
    ]

    /// Read as `[String: Int]`, as `Widths` and as `Nothing`.
    private static let objectTexts = [
        "", " ", "{", "}", "{}", " {\t}\r\n", #"{"a":1}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a" 1}"#, #"{"a":}"#,
        #"{a:1}"#,
        #"{"a":1 "b":2}"#, #"{"a":1}x"#, #"{"a":1}{}"#, #"{"a":1,"a":2}"#, #"{"b":0,"a":1,"b":2}"#, #"{"b":2,"a":1}"#,
        #"{"\u0061":1}"#, #"{"\u0061":1,"a":2}"#, "{\"\u{212A}\":1,\"K\":2}", "{\"é\":1,\"e\u{301}\":2}", #"{"":1}"#,
        #"{"a":null}"#, #"{"a":nul}"#, #"{"int":1,"other":[1,{"x":"\u12"}]}"#, #"{"x":1.2.3}"#, #"{"x":[1,2,],"y":-}"#,
        #"{"x":"\ud800"}"#, #"{"x":tru}"#, "\u{FEFF}{}", "{}\u{0}", "\u{0}", "{\"a\":1\u{0}}",
        "{ \"a\" :\n1 , \"b\":\t2 }",
        "\u{A0}{}", "\u{B}{}", "[{}]", "[", "[1", "[1,", "[]]", "{\"a\":[}", "nulll", "truefalse", "// x\n{}",
        "{\"a\":1/**/}",
    ]

    @Test("numbers", arguments: numberTexts)
    func numbers(text: String) {
        expectFoundations([Int].self, from: "[\(text)]")
        expectFoundations([Int8].self, from: "[\(text)]")
        expectFoundations([Int32].self, from: "[\(text)]")
        expectFoundations([UInt8].self, from: "[\(text)]")
        expectFoundations([UInt64].self, from: "[\(text)]")
        expectFoundations([UInt128].self, from: "[\(text)]")
        expectFoundations([Double].self, from: "[\(text)]")
        expectFoundations([Float?].self, from: "[\(text)]")
        expectFoundations(Int.self, from: text)
        expectFoundations(Double.self, from: text)
        expectFoundations(Date.self, from: text)
        expectFoundations(Decimal.self, from: text)
        expectFoundations([String: UInt16].self, from: "{\"a\":\(text)}")
    }

    @Test("texts", arguments: stringTexts)
    func strings(text: String) {
        expectFoundations(String.self, from: text)
        expectFoundations([String?].self, from: "[\(text)]")
        expectFoundations([String: String].self, from: "{\"a\":\(text)}")
        expectFoundations([String: Int].self, from: "{\(text):1}")
        expectFoundations([Colour].self, from: "[\(text)]")
        expectFoundations(URL.self, from: text)
        expectFoundations(Data.self, from: text)
    }

    @Test("objects", arguments: objectTexts)
    func objects(text: String) {
        expectFoundations([String: Int].self, from: text)
        expectFoundations([String: Int?].self, from: text)
        expectFoundations(Widths.self, from: text)
        expectFoundations(Nothing.self, from: text)
        expectFoundations([Nothing].self, from: text)
        expectFoundations(Bool?.self, from: text)
        expectFoundations(Shape.self, from: text)
    }

    @Test("deep nesting", arguments: [1, 63, 64, 65, 127, 128, 129, 511, 512, 513])
    func depth(levels: Int) {
        let lists = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        expectFoundations(Nothing.self, from: "{\"x\":\(lists)}")
        expectFoundations([Nothing].self, from: lists)
        let shapes = (0..<levels).reduce(Shape.empty) { shape, _ in .nested(shape, []) }
        if levels <= 129 { expectFoundations(shapes) }
    }

    @Test("random values", arguments: 0..<10 as Range<UInt64>)
    func values(seed: UInt64) {
        let random = RandomShapes(seed: seed)
        for _ in 0..<20 {
            expectFoundations(random.widths())
            expectFoundations([random.text(): [random.shape(depth: 4)]])
        }
    }

    @Test("random changes to texts", arguments: 0..<20 as Range<UInt64>)
    func changes(seed: UInt64) throws {
        let random = RandomShapes(seed: seed)
        for _ in 0..<20 {
            let widths = random.changed(try FoundationJSON.text(random.widths()))
            expectFoundations(Widths.self, from: widths)
            expectFoundations([String: Loose].self, from: widths)
            let shape = random.changed(try FoundationJSON.text(random.shape(depth: 4)))
            expectFoundations(Shape.self, from: shape)
        }
    }
}

/// Values and changes to texts that follow from a seed.
struct RandomShapes {
    private let entropy: SeededEntropy

    init(seed: UInt64) { entropy = SeededEntropy(seed: seed) }

    private func below(_ bound: Int) -> Int { Int(entropy.number(below: UInt64(bound))) }

    /// Of any length in bits.
    private func number<Value: FixedWidthInteger>() -> Value {
        let bits = below(64)
        let next = entropy.next()
        return Value(truncatingIfNeeded: Value.isSigned ? Int64(bitPattern: next) >> bits : Int64(next >> 1) >> bits)
    }

    private func double() -> Double {
        switch below(4) {
        case 0: return Double(number() as Int32)
        case 1: return Double(number() as Int32) / 100
        case 2: return entropy.fraction()
        default:
            let any = Double(bitPattern: entropy.next())
            return any.isFinite ? any : 0
        }
    }

    func text() -> String {
        let pieces = [
            "a", "b", "Z", "é", "\u{301}", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "\u{2028}", "😀", " ",
            "0",
        ]
        return (0..<below(12)).map { _ in pieces[below(2) == 0 ? below(3) : below(pieces.count)] }.joined()
    }

    func shape(depth: Int) -> Shape {
        switch below(depth > 0 ? 5 : 3) {
        case 0: .empty
        case 1: .size(number())
        case 2: .named(width: double(), label: below(2) == 0 ? nil : text())
        default: .nested(shape(depth: depth - 1), (0..<below(3)).map { _ in shape(depth: depth - 1) })
        }
    }

    func widths() -> Widths {
        Widths(
            int: number(),
            int8: number(),
            int16: number(),
            int32: number(),
            int64: number(),
            uint: number(),
            uint8: number(),
            uint16: number(),
            uint32: number(),
            uint64: number(),
            float: Float(number() as Int32) / 8,
            double: double(),
            flag: below(2) == 0,
            text: text(),
            maybe: below(2) == 0 ? nil : number(),
            note: below(2) == 0 ? nil : text(),
            ratio: below(2) == 0 ? nil : double(),
            mark: below(2) == 0 ? nil : true,
            byte: below(2) == 0 ? nil : number(),
            shape: below(2) == 0 ? nil : shape(depth: 2),
            list: below(2) == 0 ? nil : (0..<below(4)).map { _ in number() }
        )
    }

    /// `text` with up to three bytes that are replaced, removed, inserted or moved.
    func changed(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for _ in 0...below(3) {
            let index = below(bytes.count)
            switch below(5) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: entropy.next())
            case 1: bytes.remove(at: index)
            case 2:
                bytes.insert(
                    contentsOf: Array(bytes[index..<min(bytes.count, index + below(40))]),
                    at: below(bytes.count)
                )
            case 3:
                let pieces = [
                    " ", "\n", ",", "null", "1.0", "1e2", "-0", "\\u0041", "\\ud800", "\"x\":1,", "{}", "[]", "\"", "0",
                ]
                bytes.insert(contentsOf: Array(pieces[below(pieces.count)].utf8), at: index)
            default:
                let characters = Array("{}[]\",:0e-.tn\\u ".utf8)
                bytes.insert(characters[below(characters.count)], at: index)
            }
            if bytes.isEmpty { bytes = [0x20] }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
