/// What all connections to one file share: the index of its write-ahead log.
///
/// It is gone with the last of them, as it is when a machine starts.
// The list changes under the disk's lock only; the regions are SQLite's, which guards them by its own locks.
final class SharedMemory: @unchecked Sendable {
    private var regions: [UnsafeMutableRawPointer] = []

    deinit { for region in regions { region.deallocate() } }

    /// Region `index`; `nil` when it is not there and shall not be made.
    func region(_ index: Int, bytes: Int, make: Bool) -> UnsafeMutableRawPointer? {
        while make, regions.count <= index {
            let region = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 8)
            region.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            regions.append(region)
        }
        return index < regions.count ? regions[index] : nil
    }
}
