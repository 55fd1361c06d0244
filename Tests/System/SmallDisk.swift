import BuiltPrograms
import Foundation
import MartletTesting

/// A small file system of its own, which a test can fill; only root may mount one.
final class SmallDisk: Sendable {
    static let megabytes = 24

    /// Whether this process may mount one: root in a container may be not allowed to.
    static let isPermitted: Bool = {
        guard geteuid() == 0, let disk = try? SmallDisk() else { return false }
        withExtendedLifetime(disk) {}
        return true
    }()

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let options = ["-t", "tmpfs", "-o", "size=\(Self.megabytes)m", "tmpfs", folder.path]
        let outcome = try Program(at: "/bin/mount").run(options)
        guard outcome.status == 0 else { throw RunningShop.Failure(what: "mount: \(outcome.text)") }
    }

    deinit {
        // Also while a process still uses it; what remains is freed with the machine's memory.
        _ = try? Program(at: "/bin/umount").run(["-l", folder.path])
    }

    func file(_ name: String) -> String { folder.file(name) }

    /// Writes until there is no room, not even for a byte.
    func fill() throws {
        let path = file("ballast")
        let descriptor = open(path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw RunningShop.Failure(what: "\(path) cannot be opened") }
        defer { close(descriptor) }
        for size in [65_536, 4_096, 1] {
            let bytes = [UInt8](repeating: 0, count: size)
            while writeBytes(bytes, to: descriptor) == size {}
        }
    }

    func free() throws { try FileManager.default.removeItem(atPath: file("ballast")) }
}

/// Outside the type, so that the system's function is found.
private func writeBytes(_ bytes: [UInt8], to descriptor: Int32) -> Int { write(descriptor, bytes, bytes.count) }
