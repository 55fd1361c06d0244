/// Reads one value of a ``JSONInput``.
struct StoredDecoder: Decoder, SingleValueDecodingContainer {
    let input: JSONInput
    let token: Int

    var codingPath: [any CodingKey] { input.noPath }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard input[token].kind == .object else { throw input.refuse() }
        return KeyedDecodingContainer(KeyedInput<Key>(input: input, object: token))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard input[token].kind == .array else { throw input.refuse() }
        return UnkeyedInput(input: input, array: token)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { input[token].kind == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try input.bool(at: token) }
    func decode(_ type: String.Type) throws -> String { try input.string(at: token) }
    func decode(_ type: Double.Type) throws -> Double { try input.number(at: token) }
    func decode(_ type: Float.Type) throws -> Float { try input.number(at: token) }
    func decode(_ type: Int128.Type) throws -> Int128 { try input.integer(at: token) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try input.integer(at: token) }
    @inline(__always)
    func decode<Value: FixedWidthInteger & Decodable>(_ type: Value.Type) throws -> Value {
        try input.integer(at: token)
    }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try input.decode(type, at: token) }
}

extension JSONInput {
    /// Paths are not kept: a value that asks for one is refused.
    var noPath: [any CodingKey] {
        _ = refuse()
        return []
    }
}
