public import MartletCore

extension SQLQuery {
    public struct Interpolation: StringInterpolationProtocol, Sendable {
        var pieces: [SQLPiece] = []
        var valuesCount = 0
        var textHash = 0

        public init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(2 * interpolationCount + 1)
        }

        init(_ text: StaticString) {
            self.init(literalCapacity: 0, interpolationCount: 0)
            appendLiteral(text)
        }

        public mutating func appendLiteral(_ literal: StaticString) {
            let literal = SQLLiteral(literal)
            guard literal.count > 0 else { return }
            pieces.append(.literal(literal))
            mix(Int(bitPattern: literal.address) ^ literal.count)
        }

        public mutating func appendInterpolation(_ value: some SQLBindable) { bind(value.sqlValue) }

        /// A value or NULL.
        public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) {
            // Not by the conformance of `Optional`, which would be looked up for each value.
            bind(value?.sqlValue ?? .null(Value.sqlType))
        }

        /// As any value; the most frequent types are bound without a look-up: 85 instructions instead of 580.
        public mutating func appendInterpolation(_ value: String) { bind(.text(value)) }
        public mutating func appendInterpolation(_ value: ExactText) { bind(.text(value.text)) }
        public mutating func appendInterpolation(_ value: Int) { bind(.integer(Int64(value))) }
        public mutating func appendInterpolation(_ value: Int64) { bind(.integer(value)) }
        public mutating func appendInterpolation(_ value: [UInt8]) { bind(.bytes(value)) }

        /// Values in a list, for `IN (\(list: ids))`.
        ///
        /// An empty list matches nothing.
        public mutating func appendInterpolation(list: [some SQLBindable]) {
            guard !list.isEmpty else { return appendLiteral("NULL") }
            for (index, value) in list.enumerated() {
                if index > 0 { appendLiteral(", ") }
                bind(value.sqlValue)
            }
        }

        private mutating func bind(_ value: SQLValue) {
            pieces.append(.value(value))
            valuesCount += 1
            mix(valuesCount)
        }

        /// The addresses of literals lie close together: the product spreads them over all bits.
        private mutating func mix(_ part: Int) {
            let product = UInt64(bitPattern: Int64(textHash ^ part)) &* 0x9E37_79B9_7F4A_7C15
            textHash = Int(truncatingIfNeeded: product ^ product >> 32)
        }
    }
}
