/// An array of a ``JSONInput``.
struct UnkeyedInput: UnkeyedDecodingContainer {
    private let input: JSONInput
    private let array: UInt32
    private var token: UInt32
    private var index: UInt32 = 0

    init(input: JSONInput, array: Int) {
        self.input = input
        self.array = UInt32(array)
        token = UInt32(array + 1)
    }

    var codingPath: [any CodingKey] { input.noPath }
    var count: Int? { Int(input[Int(array)].count) }
    var currentIndex: Int { Int(index) }
    var isAtEnd: Bool { index >= input[Int(array)].count }

    /// Reads the next element; it stays the next one when `read` throws.
    private mutating func next<Value>(_ read: (Int) throws -> Value) throws -> Value {
        guard !isAtEnd else { throw input.refuse() }
        let value = try read(Int(token))
        token = input[Int(token)].next
        index += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd else { throw input.refuse() }
        guard input[Int(token)].kind == .null else { return false }
        return try next { _ in true }
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try next(input.bool(at:)) }
    mutating func decode(_ type: String.Type) throws -> String { try next(input.string(at:)) }
    mutating func decode(_ type: Double.Type) throws -> Double { try next(input.number(at:)) }
    mutating func decode(_ type: Float.Type) throws -> Float { try next(input.number(at:)) }
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try next(input.integer(at:)) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try next(input.integer(at:)) }
    @inline(__always)
    mutating func decode<Value: FixedWidthInteger & Decodable>(_ type: Value.Type) throws -> Value {
        try next(input.integer(at:))
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let input = input
        return try next { try input.decode(type, at: $0) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let input = input
        return try next { try StoredDecoder(input: input, token: $0).container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let input = input
        return try next { try StoredDecoder(input: input, token: $0).unkeyedContainer() }
    }

    func superDecoder() throws -> any Decoder { throw input.refuse() }
}
