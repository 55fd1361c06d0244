#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The operating system's clocks.
public struct SystemTime: TimeSource {
    public init() {}

    public var now: Moment { Moment(nanoseconds: Self.read(CLOCK_MONOTONIC)) }

    public var date: Timestamp { Timestamp(microseconds: Self.read(CLOCK_REALTIME) / 1_000) }

    public func sleep(until moment: Moment) async throws {
        let remaining = moment - now
        guard remaining > .zero else { return try Task.checkCancellation() }
        try await Task.sleep(for: remaining)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var reading = timespec()
        clock_gettime(clock, &reading)
        return Int64(reading.tv_sec) * 1_000_000_000 + Int64(reading.tv_nsec)
    }
}
