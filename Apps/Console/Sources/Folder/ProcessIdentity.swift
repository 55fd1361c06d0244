import Foundation

/// One process of this machine, distinguishable from a later process with the same PID.
package struct ProcessIdentity: Sendable, Hashable, Codable {
    package let pid: Int32
    /// The start time, in clock ticks since boot.
    package let startTicks: UInt64
    /// The kernel's boot id.
    package let boot: String

    /// The running process with this PID; `nil` when there is none.
    package init?(pid: Int32) {
        guard pid > 0, let ticks = Self.startTicks(of: pid) else { return nil }
        self.pid = pid
        startTicks = ticks
        boot = Self.currentBoot
    }

    /// True while this process runs; a zombie does not count.
    package var isAlive: Bool { boot == Self.currentBoot && Self.startTicks(of: pid) == startTicks }

    /// An unreaped child of this process, running or not.
    package init?(child pid: Int32) {
        guard let ticks = Self.stat(of: pid)?.startTicks else { return nil }
        self.pid = pid
        startTicks = ticks
        boot = Self.currentBoot
    }

    /// Sends `signal` when the process still runs.
    package func send(_ signal: Int32) {
        if isAlive { _ = kill(pid, signal) }
    }

    /// Whether the process works on `folder`: it has one of its files open, such as its log or the lock of a database.
    ///
    /// False when the process has ended, and for one that works on a copy of the folder.
    package func uses(_ folder: DataFolder) -> Bool {
        guard isAlive else { return false }
        let descriptors = "/proc/\(pid)/fd"
        guard let open = try? FileManager.default.contentsOfDirectory(atPath: descriptors) else {
            // Its open files are not shown, as of a program with privileges: its arguments are.
            return Self.read("/proc/\(pid)/cmdline").utf8.split(separator: 0).contains {
                $0.elementsEqual(folder.registry.utf8)
            }
        }
        let files = folder.files
        return open.contains { descriptor in
            FileIdentity(at: "\(descriptors)/\(descriptor)").map(files.contains) ?? false
        }
    }

    private static let currentBoot = read("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }

    private static func startTicks(of pid: Int32) -> UInt64? {
        guard let stat = stat(of: pid), stat.state != "Z", stat.state != "X" else { return nil }
        return stat.startTicks
    }

    private static func stat(of pid: Int32) -> (state: Substring, startTicks: UInt64)? {
        // The program's name is in parentheses and may contain any character: fields are counted after the last ")".
        let text = read("/proc/\(pid)/stat")
        guard let name = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        return (fields[0], ticks)
    }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}
