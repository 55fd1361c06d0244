/// The random faults and the capacity of a disk.
public struct DiskFaults: Sendable {
    /// The capacity for all files together; a write beyond it fails as on a full disk.
    ///
    /// `nil`: no limit.
    public var bytesMax: Int?
    /// The probability of a fault, 0...1 by kind; a missing kind is never injected at random.
    public var chances: [DiskFault: Double] = [:]

    public init() {}
}

/// A call that fails.
public enum DiskFault: String, Sendable, CaseIterable, Hashable {
    /// EIO on a read.
    case readError
    /// EIO on a write of which nothing was written.
    case writeError
    /// EIO on a write of which only a part was written.
    case shortWrite
    /// EIO on fsync: the data may or may not be durable, the next fsync does not retry it, and reads still return it.
    case syncError
}
