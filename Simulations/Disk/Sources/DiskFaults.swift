/// What a disk does wrong while it is set so.
public struct DiskFaults: Sendable {
    /// How many bytes all files may have together; what does not fit is refused as a full disk does.
    ///
    /// `nil`: no end.
    public var bytesMax: Int?
    /// How often a call fails, 0...1 by kind; what is missing never fails by chance.
    public var chances: [DiskFault: Double] = [:]

    public init() {}
}

/// A call that fails.
public enum DiskFault: String, Sendable, CaseIterable, Hashable {
    /// EIO on a read.
    case readError
    /// EIO on a write, of which nothing was taken.
    case writeError
    /// A write of which only a part was taken before EIO.
    case shortWrite
    /// EIO on fsync: what was to be made durable may or may not be, the next fsync does not try it again, and reads still show it.
    case syncError
}
