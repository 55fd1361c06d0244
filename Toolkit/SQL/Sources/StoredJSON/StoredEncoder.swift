/// Writes one value of a ``JSONOutput``.
struct StoredEncoder: Encoder, SingleValueEncodingContainer {
    let output: JSONOutput
    let place: JSONOutput.Place

    var codingPath: [any CodingKey] { output.noPath }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedOutput<Key>(output: output, place: output.open(.object, at: place)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        UnkeyedOutput(output: output, place: output.open(.array, at: place))
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() throws {
        try output.begin(place)
        output.writeNull()
    }

    func encode(_ value: Bool) throws {
        try output.begin(place)
        output.write(value)
    }

    func encode(_ value: String) throws {
        try output.begin(place)
        output.write(value)
    }

    @inline(__always)
    func encode(_ value: some FixedWidthInteger & Encodable) throws {
        try output.begin(place)
        try output.write(value)
    }

    func encode(_ value: Int128) throws { throw output.refuse() }
    func encode(_ value: UInt128) throws { throw output.refuse() }

    @inline(__always)
    func encode(_ value: some BinaryFloatingPoint & CustomStringConvertible & Encodable) throws {
        try output.begin(place)
        try output.write(value)
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        if StoredJSON.isLeftToFoundation(Value.self) || !output.isEmpty(place) { throw output.refuse() }
        do { try value.encode(to: self) } catch {
            _ = output.refuse()
            throw error
        }
        if output.isEmpty(place) { throw output.refuse() }
    }
}

extension JSONOutput {
    /// Paths are not kept: a value that asks for one is refused.
    var noPath: [any CodingKey] {
        _ = refuse()
        return []
    }

    /// What is encoded to it is refused.
    var refusedEncoder: StoredEncoder {
        _ = refuse()
        return StoredEncoder(output: self, place: .none)
    }
}
