/// Finds the empty line that ends a head, or the trailer fields of a body, and refuses bytes that neither may have.
///
/// Lines end with CR LF, begin with no space, and have no control character except a tab (RFC 9112, sections 2.2 and 5.2).
struct HeadScan: Equatable {
    enum Outcome: Equatable {
        /// The empty line has not arrived.
        case more
        /// Ends after so many of the scanned bytes, those of the empty line included.
        case end(bytes: Int)
        case refuse(RequestRefusal)
    }

    private static let tab: UInt8 = 0x09
    private static let lineFeed: UInt8 = 0x0A
    private static let carriageReturn: UInt8 = 0x0D

    /// Lines that have ended, without the empty one.
    private(set) var lines = 0
    /// Of the present line, without its end.
    private var lineBytes = 0
    private var isAfterCarriageReturn = false

    /// Scans what follows the bytes that were scanned before.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        for (index, byte) in bytes.enumerated() {
            if isAfterCarriageReturn {
                guard byte == Self.lineFeed else { return .refuse(.lineEnd) }
                isAfterCarriageReturn = false
                if lineBytes == 0 { return .end(bytes: index + 1) }
                lines += 1
                lineBytes = 0
                continue
            }
            switch byte {
            case Self.carriageReturn: isAfterCarriageReturn = true
            case Self.lineFeed: return .refuse(.lineEnd)
            case Self.tab, 0x20:
                guard lineBytes > 0 else { return .refuse(.folded) }
                lineBytes += 1
            case 0..<0x20, 0x7F: return .refuse(.control)
            default: lineBytes += 1
            }
        }
        return .more
    }
}

extension RequestRefusal {
    static var lineEnd: Self {
        .malformed(part: "head", rule: "must have lines that end with CR LF, and no other CR or LF")
    }
    fileprivate static var folded: Self { .malformed(part: "head", rule: "must have no line that begins with a space") }
    fileprivate static var control: Self { .malformed(part: "head", rule: "must have no control characters") }
}
