import ArgumentParser

/// How flags read their values.
///
/// What does not fit is a wrong use, told with the flag, the value, and what would fit. The flags parse `.unconditional`, so that
/// a number below 0 is seen as their value and not as a flag of its own.
enum FlagValue {
    /// A whole number in digits.
    static func wholeNumber<Number: FixedWidthInteger & Sendable>(
        _ range: ClosedRange<Number>
    ) -> @Sendable (String) throws -> Number {
        reading("a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Number(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// - Parameter rule: What fits, after "must be".
    static func reading<Value>(
        _ rule: String,
        _ read: @escaping @Sendable (String) -> Value?
    ) -> @Sendable (String) throws -> Value {
        { text in
            guard let value = read(text) else { throw ValidationError("must be \(rule)") }
            return value
        }
    }
}
