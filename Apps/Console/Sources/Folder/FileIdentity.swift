import Foundation

/// One file or folder, whatever its path: its number on its device.
package struct FileIdentity: Sendable, Hashable, Codable {
    /// May change with each boot.
    package let device: UInt64
    /// The number of the file on the device; a copy has another.
    package let inode: UInt64

    /// What `path` leads to; `nil` when there is nothing.
    package init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
