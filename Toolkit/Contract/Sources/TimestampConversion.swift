public import MartletCore
public import SwiftProtobuf

extension Google_Protobuf_Timestamp {
    /// Converts to protobuf's timestamp.
    public init(_ timestamp: Timestamp) {
        var seconds = timestamp.microseconds / 1_000_000
        var rest = timestamp.microseconds % 1_000_000
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000
        }
        self.init(seconds: seconds, nanos: Int32(rest * 1_000))
    }
}

extension Timestamp {
    /// Converts from protobuf's timestamp: truncated to microseconds, clamped to protobuf's range (years 1 to 9999).
    public init(_ timestamp: Google_Protobuf_Timestamp) {
        let seconds = min(max(timestamp.seconds, -62_135_596_800), 253_402_300_799)
        self.init(microseconds: seconds * 1_000_000 + Int64(timestamp.nanos) / 1_000)
    }
}
