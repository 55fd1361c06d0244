/// How long an address rests after failed connections.
struct Backoff {
    let pauseMin: Duration
    let pauseMax: Duration

    init(_ limits: RPCClientLimits) {
        pauseMin = limits.pauseMin
        pauseMax = limits.pauseMax
    }

    /// - Parameter spread: 0..<1; moves the pause by up to a fifth in both directions.
    func pause(after failures: Int, spread: Double) -> Duration {
        var pause = pauseMin
        for _ in 0..<min(failures, 64) where pause < pauseMax { pause = pause * 1.6 }
        return min(pause, pauseMax) * (0.8 + 0.4 * spread)
    }
}
