import NIOCore

/// The nine bytes that precede the payload of every HTTP/2 frame (RFC 9113, section 4.1).
struct FrameHead: Equatable {
    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case priority = 2
        case resetStream = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
        case alternativeService = 10
        case origin = 12
    }

    static let bytes = 9
    static let endStream: UInt8 = 1
    static let acknowledgement: UInt8 = 1
    static let endHeaders: UInt8 = 4

    /// Bytes of the payload.
    let length: Int
    /// `nil` for a kind that is not known.
    let kind: Kind?
    let flags: UInt8

    /// The head with which the buffer begins; `nil` when it is incomplete.
    init?(_ buffer: ByteBuffer) {
        let index = buffer.readerIndex
        guard buffer.readableBytes >= Self.bytes,
            let high = buffer.getInteger(at: index, as: UInt8.self),
            let low = buffer.getInteger(at: index + 1, as: UInt16.self),
            let kind = buffer.getInteger(at: index + 3, as: UInt8.self),
            let flags = buffer.getInteger(at: index + 4, as: UInt8.self)
        else { return nil }
        length = Int(high) << 16 | Int(low)
        self.kind = Kind(rawValue: kind)
        self.flags = flags
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// Whether a block of headers begins here, and continues in CONTINUATION frames.
    var opensBlock: Bool { (kind == .headers || kind == .pushPromise) && !has(Self.endHeaders) }
}
