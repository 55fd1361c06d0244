import Foundation
import MartletCore
import ShopSimulation

/// Simulates many worlds in several concurrent processes, which are replaced after a number of worlds.
struct WorkerPool {
    /// Worlds of one process.
    private static let worldsMax = 50
    /// The default real time of one world without output, and the addition for each of its orders.
    private static let timeout = Duration.seconds(120)
    private static let timeoutPerOrder = Duration.milliseconds(200)
    /// Freed memory is reused by the next world, so that the system need not clear it each time (mallopt(3), in bytes).
    private static let memory = [
        "MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_MMAP_THRESHOLD_": "33554432",
        // Small blocks are freed to a list of their thread, up to this many of a size: 2 % fewer instructions.
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=4000",
    ]
    private static let pollMilliseconds: Int32 = 500

    let jobs: Int
    /// After which a world without output is stopped; `nil`: depends on the number of its orders.
    let outputTimeout: Duration?
    private let time = SystemTime()

    /// A running child process.
    private final class Child {
        let process = Process()
        let pipe = Pipe()
        /// In the order in which their results arrive.
        var remaining: ArraySlice<Scenario>
        var buffer = Data()
        /// The time of its last output.
        var lastOutput: Moment
        var isStalled = false

        init(_ worlds: ArraySlice<Scenario>, at now: Moment) { (remaining, lastOutput) = (worlds, now) }

        var descriptor: Int32 { pipe.fileHandleForReading.fileDescriptor }
    }

    /// - Parameter handle: Called with each result as it arrives.
    func simulate(_ assignment: Worker.Assignment, handle: (SimulationResult) -> Void) throws {
        let (worlds, count) = (assignment.worlds, assignment.worlds.count)
        let size = max(1, min(Self.worldsMax, (count + jobs - 1) / jobs))
        var waiting = stride(from: 0, to: count, by: size).map { worlds[$0..<min($0 + size, count)] }
        var children: [Child] = []
        while !waiting.isEmpty || !children.isEmpty {
            while children.count < jobs, !waiting.isEmpty {
                children.append(try start(waiting.removeFirst(), assignment))
            }
            var polled = children.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            poll(&polled, nfds_t(polled.count), Self.pollMilliseconds)
            var ended: [ObjectIdentifier] = []
            for (child, entry) in zip(children, polled) {
                guard entry.revents != 0 else {
                    killIfStalled(child)
                    continue
                }
                child.lastOutput = time.now
                guard try !read(child, handle) else { continue }
                ended.append(ObjectIdentifier(child))
                child.process.waitUntilExit()
                guard let world = child.remaining.first else { continue }
                let why =
                    child.isStalled
                    ? "no output in time: it was killed"
                    : "the process that simulated it ended with \(child.process.terminationStatus)"
                handle(SimulationResult(failed: world, why))
                if child.remaining.count > 1 { waiting.append(child.remaining.dropFirst()) }
            }
            children.removeAll { ended.contains(ObjectIdentifier($0)) }
        }
    }

    private func killIfStalled(_ child: Child) {
        let outputTimeout = outputTimeout ?? Self.timeout + Self.timeoutPerOrder * (child.remaining.first?.orders ?? 0)
        guard !child.isStalled, time.now - child.lastOutput > outputTimeout else { return }
        child.isStalled = true
        kill(child.process.processIdentifier, SIGKILL)
    }

    private func start(_ worlds: ArraySlice<Scenario>, _ assignment: Worker.Assignment) throws -> Child {
        let child = Child(worlds, at: time.now)
        var own = assignment
        own.worlds = Array(worlds)
        child.process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.process.arguments = ["--worker", String(decoding: try JSONEncoder().encode(own), as: UTF8.self)]
        child.process.environment = ProcessInfo.processInfo.environment.merging(Self.memory) { own, _ in own }
        child.process.standardOutput = child.pipe
        try child.process.run()
        return child
    }

    /// Reads the results that have arrived; false at the end of the child's output.
    private func read(_ child: Child, _ handle: (SimulationResult) -> Void) throws -> Bool {
        let more = child.pipe.fileHandleForReading.availableData
        guard !more.isEmpty else { return false }
        child.buffer += more
        while let end = child.buffer.firstIndex(of: UInt8(ascii: "\n")) {
            let result = try JSONDecoder().decode(SimulationResult.self, from: child.buffer[..<end])
            child.buffer = Data(child.buffer[(end + 1)...])
            child.remaining.removeFirst()
            handle(result)
        }
        return true
    }
}
