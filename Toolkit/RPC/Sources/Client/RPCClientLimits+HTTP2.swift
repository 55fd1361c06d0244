import NIOCore
import NIOHTTP2

extension RPCClientLimits {
    var frames: FrameGuard.Limits {
        FrameGuard.Limits(
            controlBytesMax: controlBytesMax,
            controlFramesMax: controlFramesMax,
            window: Self.floodWindow,
            acknowledgesEarly: false
        )
    }

    var connection: NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: headerBytesMax),
            HTTP2Setting(parameter: .initialWindowSize, value: callWindowBytes),
        ]
        configuration.targetWindowSize = connectionWindowBytes
        // Frames of calls that were ended here may still arrive; they are not a protocol violation.
        configuration.maximumRecentlyResetStreams = min(callsMax, 4_096)
        configuration.controlFrameRateLimit.maximumCount = controlFramesMax
        // Counted among the control frames.
        configuration.maximumSequentialEmptyDataFrames = controlFramesMax
        // `RequestHeaders` makes no invalid block, and `ClientCall` reads what it knows: 9 % of a call's processor time.
        configuration.headerBlockValidation = .disabled
        return configuration
    }

    var stream: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = callWindowBytes
        configuration.outboundBufferSizeHighWatermark = callWindowBytes
        configuration.outboundBufferSizeLowWatermark = callWindowBytes / 2
        configuration.streamResetFrameRateLimit.maximumCount = controlFramesMax
        configuration.streamErrorRateLimit.maximumCount = controlFramesMax
        return configuration
    }
}
