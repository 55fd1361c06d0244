import Foundation
import Logging
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Process of a daemon", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DaemonProcessTests {
    @Test("raises its limit, names it in the log, and creates files for its user only")
    func prepared() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("made")
        await #expect(processExitsWith: .success) { [path = path as String] in
            #if canImport(Glibc)
                let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            #else
                let openFiles = RLIMIT_NOFILE
            #endif
            var limit = rlimit()
            guard getrlimit(openFiles, &limit) == 0 else { exit(2) }
            let soft = min(limit.rlim_cur, rlim_t(DescriptorLimit.raisedMax)) - 1
            limit.rlim_cur = soft
            guard setrlimit(openFiles, &limit) == 0 else { exit(2) }
            umask(0o022)
            let lines = LogLines()
            DaemonProcess.prepare(Logger(label: "test") { _ in lines })
            guard getrlimit(openFiles, &limit) == 0, limit.rlim_cur > soft else { exit(3) }
            guard lines.all == ["open files \(soft) \(limit.rlim_cur)"] else { exit(4) }
            // A repeat changes nothing, and an operator's number of event loops stays.
            let variable = "NIO_SINGLETON_GROUP_LOOP_COUNT"
            let loops = getenv(variable).map { String(cString: $0) }
            guard loops != nil else { exit(6) }
            setenv(variable, "7", 1)
            DaemonProcess.prepare(Logger(label: "test") { _ in lines })
            guard getenv(variable).map({ String(cString: $0) }) == "7" else { exit(7) }
            let made = open(path, O_CREAT | O_WRONLY, 0o666)
            guard made >= 0, mkdir("\(path).folder", 0o777) == 0 else { exit(5) }
        }
        let files = FileManager.default
        #expect(try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(try files.attributesOfItem(atPath: "\(path).folder")[.posixPermissions] as? Int == 0o700)
    }

    @Test(
        "there is an event loop for every four processors, and at least one",
        arguments: [(1, 1), (2, 1), (4, 1), (7, 1), (8, 2), (64, 16)]
    )
    func eventLoops(processors: Int, loops: Int) {
        #expect(DaemonProcess.eventLoops(processors: processors) == loops)
    }

    /// Records the message, the soft limit before and the limit after.
    private final class LogLines: LogHandler, Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }

        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }

        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) {
            let facts = event.metadata ?? [:]
            let line = "\(event.message) \(facts["soft"] ?? "") \(facts["limit"] ?? "")"
            lines.withLock { $0.append(line) }
        }
    }
}

@Suite("Free space of a disk")
struct DiskSpaceTests {
    @Test("counts as full below the minimum; where it is unknown, it does not")
    func full() {
        #expect(DiskSpace.isFull(freeBytes: 0))
        #expect(DiskSpace.isFull(freeBytes: DiskSpace.freeBytesMin - 1))
        #expect(!DiskSpace.isFull(freeBytes: DiskSpace.freeBytesMin))
        #expect(!DiskSpace.isFull(freeBytes: nil))
    }

    @Test("is that of the path's disk; a missing path and a disk without blocks have none")
    func paths() throws {
        let folder = try TemporaryFolder()
        #expect(DiskSpace(path: folder.path).freeBytes != nil)
        #expect(DiskSpace(path: folder.file("missing")).freeBytes == nil)
        #expect(DiskSpace(path: folder.file("missing")).problem == nil)
        #expect(DiskSpace(path: "/proc").freeBytes == nil)
    }
}

@Suite("Readiness")
struct ReadinessTests {
    @Test("a failed check is its problem, until the check passes")
    func checks() {
        let readiness = Readiness()
        let found = Mutex<String?>(nil)
        #expect(readiness.problem == nil)
        readiness.add { nil }
        readiness.add { found.withLock { $0 } }
        #expect(readiness.problem == nil)
        found.withLock { $0 = "the disk is full" }
        #expect(readiness.problem == "the disk is full")
        found.withLock { $0 = nil }
        #expect(readiness.problem == nil)
    }
}
