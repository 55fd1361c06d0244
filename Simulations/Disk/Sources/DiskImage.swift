/// The files of a disk, as an initial state of other disks.
///
/// Copies share their bytes until one of them writes.
public struct DiskImage: Sendable {
    let files: [String: [UInt8]]

    /// An empty disk.
    public init() { files = [:] }

    init(_ files: [String: [UInt8]]) { self.files = files }

    /// The names of its files, sorted.
    public var names: [String] { files.keys.sorted() }

    public var bytes: Int { files.values.reduce(0) { $0 + $1.count } }
}
