/// The shared memory of all connections to one file: the index of its write-ahead log.
///
/// It is freed with the last connection.
// The list changes under the disk's lock only; SQLite guards the regions by its own locks.
final class SharedMemory: @unchecked Sendable {
    private var regions: [UnsafeMutableRawPointer] = []

    deinit { for region in regions { region.deallocate() } }

    /// Region `index`; `nil` when it does not exist and `make` is false.
    func region(_ index: Int, bytes: Int, make: Bool) -> UnsafeMutableRawPointer? {
        while make, regions.count <= index {
            let region = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 8)
            region.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            regions.append(region)
        }
        return index < regions.count ? regions[index] : nil
    }
}
