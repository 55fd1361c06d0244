import NIOCore
import NIOHTTP2

/// Which of HTTP/2's errors leave a connection without use.
enum ConnectionError {
    static func isFatal(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.UnableToParseFrame, is NIOHTTP2Errors.BadClientMagic,
            is NIOHTTP2Errors.ExcessivelyLargeHeaderBlock, is NIOHTTP2Errors.ExcessiveContinuationFrames,
            is NIOHTTP2Errors.ExcessiveRSTFrames, is NIOHTTP2Errors.ExcessiveStreamErrors,
            is NIOHTTP2Errors.ExcessiveControlFrames, is NIOHTTP2Errors.ExcessiveEmptyDataFrames,
            is NIOHTTP2Errors.ExcessiveOutboundFrameBuffering, is NIOHTTP2Errors.MissingPreface,
            is NIOHTTP2Errors.ReceivedBadSettings, is NIOHTTP2Errors.InvalidSetting,
            is NIOHTTP2Errors.InvalidStreamIDForPeer, is NIOHTTP2Errors.PushInViolationOfSetting,
            is NIOHTTP2Errors.ActivationError, is IOError, is ChannelError:
            true
        // `RaisedGoawayLastStreamID` is left out: a draining peer that refuses a late call raises it and answers on.
        default: false
        }
    }
}
