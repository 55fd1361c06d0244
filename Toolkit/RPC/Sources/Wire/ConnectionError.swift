import NIOCore
import NIOHTTP2

/// Which HTTP/2 errors make a connection unusable.
enum ConnectionError {
    /// - Parameter leaving: GOAWAY was sent or received: frames that the peer still sends then raise unknown-stream or
    ///   closed-connection errors, which are not protocol violations.
    static func isFatal(_ error: any Error, leaving: Bool) -> Bool {
        switch error {
        case is NIOHTTP2Errors.NoSuchStream, is NIOHTTP2Errors.IOOnClosedConnection: !leaving
        case is NIOHTTP2Errors.UnableToParseFrame, is NIOHTTP2Errors.BadClientMagic,
            is NIOHTTP2Errors.ExcessivelyLargeHeaderBlock, is NIOHTTP2Errors.ExcessiveContinuationFrames,
            is NIOHTTP2Errors.ExcessiveRSTFrames, is NIOHTTP2Errors.ExcessiveStreamErrors,
            is NIOHTTP2Errors.ExcessiveControlFrames, is NIOHTTP2Errors.ExcessiveEmptyDataFrames,
            is NIOHTTP2Errors.ExcessiveOutboundFrameBuffering, is NIOHTTP2Errors.MissingPreface,
            is NIOHTTP2Errors.ReceivedBadSettings, is NIOHTTP2Errors.InvalidSetting,
            is NIOHTTP2Errors.InvalidStreamIDForPeer, is NIOHTTP2Errors.PushInViolationOfSetting,
            is NIOHTTP2Errors.ActivationError, is NIOHTTP2Errors.StreamIDTooSmall,
            is NIOHTTP2Errors.MaxStreamsViolation, is NIOHTTP2Errors.FlowControlViolation,
            is NIOHTTP2Errors.InvalidFlowControlWindowSize, is NIOHTTP2Errors.InvalidWindowIncrementSize,
            is NIOHTTP2Errors.PriorityCycle, is NIOHTTP2Errors.ExcessiveNumberOfGlitches,
            is IOError, is ChannelError:
            true
        // `RaisedGoawayLastStreamID` is not fatal: a draining peer that refuses a late call raises it and continues.
        default: false
        }
    }
}
