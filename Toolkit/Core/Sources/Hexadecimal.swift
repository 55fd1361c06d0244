extension FixedWidthInteger where Self: UnsignedInteger {
    /// Lower-case hexadecimal of the whole width, as in `0a` and `00000000000000ff`.
    package var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
    }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal, two digits a byte.
    package var hexadecimal: String { map(\.hexadecimal).joined() }
}
