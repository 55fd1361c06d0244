import Foundation
import Testing

/// A member of each type that coders treat on their own, with and without a value.
struct Widths: Codable, Sendable {
    var int = 0
    var int8: Int8 = 0
    var int16: Int16 = 0
    var int32: Int32 = 0
    var int64: Int64 = 0
    var uint: UInt = 0
    var uint8: UInt8 = 0
    var uint16: UInt16 = 0
    var uint32: UInt32 = 0
    var uint64: UInt64 = 0
    var float: Float = 0
    var double = 0.0
    var flag = false
    var text = ""
    var maybe: Int?
    var note: String?
    var ratio: Double?
    var mark: Bool?
    var byte: UInt8?
    var shape: Shape?
    var list: [Int]?
}

/// As Swift synthesizes it.
enum Shape: Codable, Sendable {
    case empty
    case size(Int)
    case named(width: Double, label: String?)
    indirect case nested(Shape, [Shape])
}

enum Colour: String, Codable, Sendable { case red, blue }
enum Level: Int, Codable, Sendable { case low = 1, high }

/// A value whose names are not in the order of their bytes, in one of each kind of container.
struct Cabinet: Codable, Sendable {
    var z = Shape.named(width: 0.5, label: "a\u{2028}\"/\\")
    var Z = [Shape.empty, .nested(.size(-1), [.empty])]
    var a1 = ["b": 1, "a": 2, "B": 3, "": 4, "a b": 5]
    var a = [3: "c", -1: "x", 20: "y"]
    var colour = Colour.blue
    var level = Level.high
    var rows = [[1, 2], [], [3]]
    var words: Set<String> = ["one"]
    var maybe: [Int?] = [nil, 1]
    var nothing = Nothing()
    var emptyNames: [String: Int] = [:]
    var _under: Int? = nil
}

/// A struct without members.
struct Nothing: Codable, Sendable {}

/// What Foundation has a form of its own for.
struct Special: Codable, Sendable {
    var date = Date(timeIntervalSinceReferenceDate: 700_000_000.25)
    var data: Data? = Data([0, 1, 255])
    var url: URL? = URL(string: "https://example.org/a?b=c")
    var decimal: Decimal? = Decimal(string: "12345678901234567890.125")
}

// MARK: Written by hand

struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// Names and numbers, in the order of the array, also twice.
struct Members: Codable {
    var members: [(String, Int)]

    init(_ members: [(String, Int)]) { self.members = members }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        members = try container.allKeys.map { ($0.stringValue, try container.decode(Int.self, forKey: $0)) }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        for (name, number) in members.sorted(by: { $0.0.utf8.count > $1.0.utf8.count }) {
            try container.encode(number, forKey: AnyKey(name))
        }
    }
}

class Base: Codable {
    var base = 1
}

/// Its superclass has a container of its own.
final class Derived: Base {
    var own = "x"

    override init() { super.init() }

    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        own = try container.decode(String.self, forKey: AnyKey("own"))
        try super.init(from: container.superDecoder())
    }

    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(own, forKey: AnyKey("own"))
        try super.encode(to: container.superEncoder())
    }
}

/// Its superclass has the same container.
final class Merged: Base {
    var own = 2

    override init() { super.init() }

    required init(from decoder: any Decoder) throws {
        own = try decoder.container(keyedBy: AnyKey.self).decode(Int.self, forKey: AnyKey("own"))
        try super.init(from: decoder)
    }

    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(own, forKey: AnyKey("own"))
        try super.encode(to: encoder)
    }
}

/// Its name is the Kelvin sign, which `String` takes for the letter K.
struct Kelvin: Codable {
    private enum CodingKeys: String, CodingKey { case degrees = "\u{212A}" }

    var degrees: Int?
}

/// A value whose coding is two closures.
struct ByHand: Codable {
    let write: (any Encoder) throws -> Void

    init(_ write: @escaping (any Encoder) throws -> Void) { self.write = write }
    init(from decoder: any Decoder) { write = { _ = $0.container(keyedBy: AnyKey.self) } }
    func encode(to encoder: any Encoder) throws { try write(encoder) }
}

/// Reads its path.
struct Path: Codable {
    var path = ""

    init() {}
    init(from decoder: any Decoder) { path = decoder.codingPath.map(\.stringValue).joined(separator: "/") }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(encoder.codingPath.map(\.stringValue).joined(separator: "/"))
    }
}

/// A number, a text, or a list of these: tries one at a time.
enum Loose: Codable {
    case number(Int)
    case text(String)
    case list([Loose])
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([Loose].self) {
            self = .list(list)
        } else {
            self = .other
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        case .other: try container.encodeNil()
        }
    }
}

/// Refuses numbers that are not even, with an error of its own that has the path.
struct Even: Codable {
    var number: Int

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        number = try container.decode(Int.self)
        guard number % 2 == 0 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "odd")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}

/// Reads elements until one is no number, and keeps the number of those that were read.
struct Counted: Codable {
    var count = 0
    var sum = 0

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd {
            if try container.decodeNil() { continue }
            guard let number = try? container.decode(Int.self) else { break }
            sum += number
        }
        count = container.currentIndex + 100 * (container.count ?? 0)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(count)
        try container.encodeNil()
        try container.encode(sum)
        try container.encode(container.count)
    }
}

/// Keeps its decoder, and reads from it later.
struct Late: Codable {
    let decoder: (any Decoder)?

    init(from decoder: any Decoder) { self.decoder = decoder }
    func encode(to encoder: any Encoder) throws { try Int(from: try #require(decoder)).encode(to: encoder) }
}
