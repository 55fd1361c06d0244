import MartletTesting

@testable import MartletREST

extension ConnectionLimits {
    /// Limits of time that only a hang reaches, however busy the machine is.
    static func hang(drainBytesMax: Int) -> ConnectionLimits {
        var limits = ConnectionLimits(idle: HangLimit.wait, drainBytesMax: drainBytesMax, linger: HangLimit.wait)
        limits.head = HangLimit.wait
        limits.body = HangLimit.wait
        limits.sendTimeout = HangLimit.wait
        return limits
    }
}
