import Foundation
import Testing

@testable import MartletSQL

@Suite("Stored JSON")
struct StoredJSONTests {
    private static let limits: [Widths] = [
        Widths(),
        Widths(
            int: .max,
            int8: .max,
            int16: .max,
            int32: .max,
            int64: .max,
            uint: .max,
            uint8: .max,
            uint16: .max,
            uint32: .max,
            uint64: .max,
            float: .greatestFiniteMagnitude,
            double: .greatestFiniteMagnitude,
            flag: true,
            text: "\u{0}\u{1F}\u{7F}",
            maybe: .max,
            note: "",
            ratio: 1e21,
            mark: false,
            byte: 255,
            shape: .empty,
            list: []
        ),
        Widths(
            int: .min,
            int8: .min,
            int16: .min,
            int32: .min,
            int64: .min,
            float: -.leastNonzeroMagnitude,
            double: -.leastNonzeroMagnitude,
            ratio: -0.0,
            shape: .nested(.named(width: 1e-7, label: nil), [.size(1)])
        ),
    ]

    @Test("numbers at the limits of their types, and absent values", arguments: limits.indices)
    func widths(index: Int) { expectFoundations(Self.limits[index]) }

    @Test(
        "floating-point numbers",
        arguments: [
            0, -0.0, 1, -1, 0.1, 1.5, 100, 1e15, 1e16, 1e20, 1e21, 1e22, 1e-4, 1e-5, 0x1p53, 0x1p63, 0x1p64,
            .leastNonzeroMagnitude, .leastNormalMagnitude, .leastNormalMagnitude.nextDown, .greatestFiniteMagnitude,
            .pi, .nan, .infinity, -.infinity,
        ]
    )
    func doubles(number: Double) {
        expectFoundations(number)
        expectFoundations([number])
        expectFoundations(["n": number])
        expectFoundations(Widths(float: Float(number), double: number, ratio: number))
    }

    @Test("all kinds of containers")
    func cabinet() throws {
        expectFoundations(Cabinet())
        expectFoundations([Cabinet(), Cabinet()])
        expectFoundations(["x": [Cabinet?.none, Cabinet()]])
        #expect(
            try StoredJSON.text(["a b": 1, "B": 2, "": 3, "a": 4, "b": 5, "_": 6])
                == #"{"":3,"B":2,"_":6,"a":4,"a b":1,"b":5}"#
        )
    }

    @Test("dates, data, addresses and decimals, which Foundation treats on its own")
    func special() {
        expectFoundations(Special())
        expectFoundations(Special(data: nil, url: nil, decimal: nil))
        expectFoundations([Special()])
        expectFoundations(Data([1, 2]))
        expectFoundations(Data?.some(Data([1, 2])))
        expectFoundations(["d": Data([1])])
        expectFoundations(URL(string: "file:///a b"))
        expectFoundations([Decimal(string: "1e100"), nil])
        expectFoundations(Date(timeIntervalSinceReferenceDate: -0.5))
        expectFoundations([Date(timeIntervalSinceReferenceDate: .infinity)])
        expectFoundations([UUID].self, from: #"["01020304-0506-0708-090A-0B0C0D0E0FFF"]"#)
        expectFoundations([Colour.red: [Level.low]])
        expectFoundations([Int128.max])
        expectFoundations([UInt128(1), UInt128.max])
    }

    @Test("values that are no objects")
    func fragments() {
        expectFoundations("text")
        expectFoundations(1)
        expectFoundations(true)
        expectFoundations(Int?.none)
        expectFoundations([Int]())
        expectFoundations([String: Int]())
        expectFoundations(Nothing())
        expectFoundations([Nothing()])
        expectFoundations(Colour.red)
        expectFoundations(Shape.empty)
    }

    @Test("texts: every control character, escapes, and characters of all lengths")
    func texts() {
        let scalars =
            (0..<0xA0).map { $0 } + [0x7FF, 0x800, 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF]
        for scalar in scalars.compactMap({ Unicode.Scalar(UInt32($0)) }) {
            for length in [0, 1, 6, 7, 8, 9, 15, 16, 40] {
                let text = String(repeating: "x", count: length) + String(Character(scalar))
                expectFoundations(text + String(repeating: "y", count: length))
            }
        }
        expectFoundations(["\u{212A}", "K", "e\u{301}", "\u{E9}", "a/b", "\\u0041", "\"", "👩‍👩‍👧"])
    }

    @Test("names that JSON escapes, that differ only in their form, or that are there twice")
    func names() {
        for name in ["", "\"", "\\", "/", "\n", "\u{0}", "\u{7F}", "é", "e\u{301}", "K", "\u{212A}", "😀", "a.b", "a b"]
        {
            expectFoundations([name: 1])
            expectFoundations(Members([(name, 1), ("plain", 2)]))
            expectFoundations(Members([(name, 1), (name, 2)]))
            expectFoundations([name: ["K": [name: 3]]])
        }
        expectFoundations(Members([("é", 1), ("e\u{301}", 2), ("f", 3)]))
        expectFoundations(Members([("K", 1), ("\u{212A}", 2)]))
        expectFoundations(Kelvin(degrees: 1))
        expectFoundations(Kelvin.self, from: #"{"K":1}"#)
        // In the order of UTF-8, which is neither UTF-16's nor that of a locale.
        expectFoundations(["\u{FFFD}": 1, "\u{10000}": 2, "z": 3, "Z": 4, "ä": 5, "a": 6])
        expectFoundations(Dictionary(uniqueKeysWithValues: (0..<500).map { ("n\($0 * 7_919 % 500)", $0) }))
    }

    @Test("common values take one pass")
    func onePass() throws {
        var plain = Self.limits[0]
        plain.text = "é\n"
        for value in [plain, Self.limits[2]] { #expect(OnePass.writes(value)) }
        #expect(OnePass.reads(Widths.self, from: try StoredJSON.text(Widths(float: 1, double: 0.5))))
        #expect(OnePass.writes(Cabinet()))
        #expect(OnePass.reads(Cabinet.self, from: try StoredJSON.text(Cabinet())))
        #expect(!OnePass.writes(Special()))
        #expect(!OnePass.reads(Special.self, from: try StoredJSON.text(Special())))
    }

    @Test("the bytes are those of the text")
    func bytes() throws {
        for value in [["a": "b"], ["é": "ü"]] {
            #expect(try StoredJSON.withBytes(of: value) { Array($0) } == Array(try StoredJSON.text(value).utf8))
        }
    }
}
