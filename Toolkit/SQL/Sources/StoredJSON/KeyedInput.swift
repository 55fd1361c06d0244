/// An object of a ``JSONInput``.
struct KeyedInput<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let input: JSONInput
    let object: Int

    var codingPath: [any CodingKey] { input.noPath }
    var allKeys: [Key] { input.keys(of: object) }

    func contains(_ key: Key) -> Bool { input.member(key.stringValue, of: object) != nil }

    private func token(_ key: Key) throws -> Int {
        guard let token = input.member(key.stringValue, of: object) else { throw input.refuse() }
        return token
    }

    /// `nil` for an absent value and for null.
    private func tokenIfPresent(_ key: Key) -> Int? {
        guard let token = input.member(key.stringValue, of: object), input[token].kind != .null else { return nil }
        return token
    }

    func decodeNil(forKey key: Key) throws -> Bool { input[try token(key)].kind == .null }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try input.bool(at: token(key)) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try input.string(at: token(key)) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try input.number(at: token(key)) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try input.number(at: token(key)) }
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try input.integer(at: token(key)) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try input.integer(at: token(key)) }

    @inline(__always)
    func decode<Value: FixedWidthInteger & Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try input.integer(at: token(key))
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try input.decode(type, at: token(key))
    }

    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try tokenIfPresent(key).map(input.string(at:))
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try tokenIfPresent(key).map { try input.decode(type, at: $0) }
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try StoredDecoder(input: input, token: token(key)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try StoredDecoder(input: input, token: token(key)).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { throw input.refuse() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw input.refuse() }
}
