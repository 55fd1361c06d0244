/// An array of a ``JSONOutput``.
struct UnkeyedOutput: UnkeyedEncodingContainer {
    let output: JSONOutput
    let place: JSONOutput.Place

    var codingPath: [any CodingKey] { output.noPath }
    var count: Int { output.elements(at: place) }

    func encodeNil() throws {
        try output.element(at: place)
        output.writeNull()
    }

    func encode(_ value: Bool) throws {
        try output.element(at: place)
        output.write(value)
    }

    func encode(_ value: String) throws {
        try output.element(at: place)
        output.write(value)
    }

    @inline(__always)
    func encode(_ value: some FixedWidthInteger & Encodable) throws {
        try output.element(at: place)
        try output.write(value)
    }

    func encode(_ value: Int128) throws { throw output.refuse() }
    func encode(_ value: UInt128) throws { throw output.refuse() }

    @inline(__always)
    func encode(_ value: some BinaryFloatingPoint & CustomStringConvertible & Encodable) throws {
        try output.element(at: place)
        try output.write(value)
    }

    func encode(_ value: some Encodable) throws {
        try output.element(at: place)
        try output.encode(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(KeyedOutput<Nested>(output: output, place: nest(.object)))
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        UnkeyedOutput(output: output, place: nest(.array))
    }

    func superEncoder() -> any Encoder { output.refusedEncoder }

    private func nest(_ state: JSONOutput.State) -> JSONOutput.Place {
        do { try output.element(at: place) } catch { return .none }
        return output.nest(state)
    }
}
