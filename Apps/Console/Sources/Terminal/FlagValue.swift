import ArgumentParser

/// Parsers of flag values.
///
/// An invalid value is a usage error that names the flag, the value and the rule. The flags parse `.unconditional`, so
/// that a negative number is read as their value and not as another flag.
package enum FlagValue {
    /// A whole number in decimal digits.
    package static func wholeNumber<Number: FixedWidthInteger & Sendable>(
        _ range: ClosedRange<Number>
    ) -> @Sendable (String) throws -> Number {
        reading("a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Number(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// - Parameter rule: The rule for valid values, after "must be".
    package static func reading<Value>(
        _ rule: String,
        _ read: @escaping @Sendable (String) -> Value?
    ) -> @Sendable (String) throws -> Value {
        { text in
            guard let value = read(text) else { throw ValidationError("must be \(rule)") }
            return value
        }
    }
}
