import Console
import Foundation
import MartletHost

/// A daemon's log file, of bounded size.
///
/// The daemon appends to it directly, so output survives a supervisor crash. A file over the limit is copied and then
/// truncated; output written between the two steps is lost. When there is no room for the copy, the oldest file is
/// removed, and nothing else is lost.
struct ChildLog: Sendable {
    static let bytesLimit = 16 * 1_024 * 1_024
    /// Rotated files; `name.log.1` is the newest.
    static let generationsLimit = 3
    static let tailBytes = 8_192

    let path: String

    /// Rotates the file when it is longer than `limit` bytes.
    func rotate(limit: Int = bytesLimit) throws {
        let files = FileManager.default
        guard let size = try? files.attributesOfItem(atPath: path)[.size] as? Int, size > limit else { return }
        let oldest = "\(path).\(Self.generationsLimit)"
        if files.fileExists(atPath: oldest) { try files.removeItem(atPath: oldest) }
        // Complete before the older files get other names: a failed rotation is repeated soon.
        let copy = "\(path).new"
        if files.fileExists(atPath: copy) { try files.removeItem(atPath: copy) }
        do { try files.copyItem(atPath: path, toPath: copy) } catch {
            // A part of a copy would take the room that is missing.
            try? files.removeItem(atPath: copy)
            throw CommandFailure(DiskSpace(path: path).problem ?? ErrorText.plain(error))
        }
        for generation in stride(from: Self.generationsLimit - 1, through: 1, by: -1) {
            let older = "\(path).\(generation)"
            if files.fileExists(atPath: older) {
                try files.moveItem(atPath: older, toPath: "\(path).\(generation + 1)")
            }
        }
        try files.moveItem(atPath: copy, toPath: "\(path).1")
        guard truncate(path, 0) == 0 else {
            throw CommandFailure("\(path): \(String(cString: strerror(errno)))")
        }
    }

    /// The last `count` lines, as far as they lie within ``tailBytes``.
    func tail(_ count: Int) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }  // Opened only for reading.
        do {
            let size = try handle.seekToEnd()
            try handle.seek(toOffset: size > UInt64(Self.tailBytes) ? size - UInt64(Self.tailBytes) : 0)
            let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
            return text.split(separator: "\n").suffix(count).map(String.init)
        } catch {
            return []
        }
    }
}
