/// An object of a ``JSONOutput``.
struct KeyedOutput<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let output: JSONOutput
    let place: JSONOutput.Place

    var codingPath: [any CodingKey] { output.noPath }

    func encodeNil(forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        output.writeNull()
    }

    func encode(_ value: Bool, forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        output.write(value)
    }

    func encode(_ value: String, forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        output.write(value)
    }

    @inline(__always)
    func encode(_ value: some FixedWidthInteger & Encodable, forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        try output.write(value)
    }

    func encode(_ value: Int128, forKey key: Key) throws { throw output.refuse() }
    func encode(_ value: UInt128, forKey key: Key) throws { throw output.refuse() }

    @inline(__always)
    func encode(_ value: some BinaryFloatingPoint & CustomStringConvertible & Encodable, forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        try output.write(value)
    }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        try output.name(key.stringValue, at: place)
        try output.encode(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(KeyedOutput<Nested>(output: output, place: nest(.object, forKey: key)))
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        UnkeyedOutput(output: output, place: nest(.array, forKey: key))
    }

    func superEncoder() -> any Encoder { output.refusedEncoder }
    func superEncoder(forKey key: Key) -> any Encoder { output.refusedEncoder }

    private func nest(_ state: JSONOutput.State, forKey key: Key) -> JSONOutput.Place {
        do { try output.name(key.stringValue, at: place) } catch { return .none }
        return output.nest(state)
    }
}
