import MartletCore

/// Decides when the allocator has to return what it keeps: after a peak of load, and after the process has grown.
struct MemoryWatch {
    /// What connections hold, in bytes.
    struct Load: Sendable, Hashable {
        /// The most since the last check.
        var peak: Int
        var now: Int
    }

    /// A load that falls by less than this is not worth a return.
    static let fallBytesMin = 8 << 20
    /// Resident memory that grows by less than this is not worth a return, and neither is growth by less than a fifth.
    static let growthBytesMin = 8 << 20
    /// At least between two returns.
    ///
    /// With the interval of the checks it is less than a minute, in which memory is back.
    static let pause = Duration.seconds(30)
    /// Returns that do not help are repeated after a pause that doubles up to this.
    static let pauseMax = Duration.seconds(3_600)

    /// The highest load since the last return.
    private var peak = 0
    /// The least resident memory so far: what the process needs without load.
    private var lowest: Int?
    /// The resident memory after the last return.
    private var latest: Int?
    private var returnedAt: Moment?
    /// Until a return is repeated that has not helped.
    private var repeatPause = Self.pause

    /// Whether to return memory now; then call ``returned(load:resident:at:)``.
    ///
    /// - Parameter resident: The resident memory of the process, in bytes; 0 when it is not known.
    mutating func isReturnDue(_ load: Load, resident: Int, at now: Moment) -> Bool {
        peak = max(peak, load.peak, load.now)
        lowest = min(lowest ?? resident, resident)
        if latest == nil { latest = resident }
        guard let returnedAt else { return hasFallen(to: load.now) || Self.hasGrown(resident, from: latest) }
        guard now - returnedAt >= Self.pause else { return false }
        if hasFallen(to: load.now) || Self.hasGrown(resident, from: latest) {
            repeatPause = Self.pause
            return true
        }
        return Self.hasGrown(resident, from: lowest) && now - returnedAt >= repeatPause
    }

    /// Memory was returned.
    mutating func returned(load: Int, resident: Int, at now: Moment) {
        peak = load
        latest = resident
        returnedAt = now
        repeatPause = Self.hasGrown(resident, from: lowest) ? min(repeatPause * 2, Self.pauseMax) : Self.pause
    }

    private func hasFallen(to load: Int) -> Bool { peak - load >= max(Self.fallBytesMin, peak / 2) }

    private static func hasGrown(_ resident: Int, from earlier: Int?) -> Bool {
        guard let earlier else { return false }
        return resident - earlier >= max(growthBytesMin, earlier / 5)
    }
}
