extension FixedWidthInteger where Self: UnsignedInteger {
    /// Lower-case hexadecimal of the whole width, as in `0a` and `00000000000000ff`.
    package var hexadecimal: String {
        String(unsafeUninitializedCapacity: Self.bitWidth / 4) { buffer in
            writeHexadecimal(to: buffer, at: 0)
            return Self.bitWidth / 4
        }
    }

    /// Writes the digits of the whole width to `buffer`, from `start` on.
    func writeHexadecimal(to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        for place in 0..<Self.bitWidth / 4 {
            let digit = UInt8(truncatingIfNeeded: self >> Self(Self.bitWidth - 4 - 4 * place)) & 0xF
            buffer[start + place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal, two digits a byte.
    package var hexadecimal: String { map(\.hexadecimal).joined() }
}
