extension JSONScanner {
    /// Nesting levels of a document that ``checkObject(_:)`` accepts.
    static let depthLimit = 16

    /// Checks that the bytes are one JSON object in UTF-8, whose names occur once at every level, and nothing behind it.
    ///
    /// Decoders differ in what they do with a repeated name or with further bytes, so that two readers of one document
    /// could see different values.
    package static func checkObject(_ bytes: [UInt8]) throws(Malformed) {
        var scanner = JSONScanner(bytes)
        guard String(validating: bytes, as: UTF8.self) != nil else { throw scanner.malformed("UTF-8") }
        guard try scanner.start() == .object else { throw scanner.malformed("an object") }
        try scanner.skipValue(depth: 1)
        try scanner.end()
    }

    private mutating func skipValue(depth: Int) throws(Malformed) {
        guard depth <= Self.depthLimit else { throw malformed("at most \(Self.depthLimit) levels") }
        switch try start() {
        case .object: try skipObject(depth: depth)
        case .list:
            try expect("[")
            if consume("]") { return }
            repeat { try skipValue(depth: depth + 1) } while consume(",")
            try expect("]")
        case .string: _ = try string()
        case .number: _ = try number()
        case .keyword: _ = try keyword()
        }
    }

    private mutating func skipObject(depth: Int) throws(Malformed) {
        try expect("{")
        if consume("}") { return }
        var names: Set<ExactText> = []
        repeat {
            guard try start() == .string else { throw malformed("a name in quotes") }
            guard names.insert(ExactText(try string())).inserted else {
                throw malformed("a name that was not given yet")
            }
            try expect(":")
            try skipValue(depth: depth + 1)
        } while consume(",")
        try expect("}")
    }
}
